"""The electors of this project, found without metadata: a frozen or a vendored application may have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

__all__ = ["REMARK", "importable", "modules"]

#: What is said where an elector is not found.
REMARK = (
    "incumbent has no metadata here, as in a frozen or vendored application: electors of other packages are found by "
    "theirs, so bring those along (PyInstaller: --copy-metadata PACKAGE)"
)
#: What pip would have installed with a plugin: without it, there is no elector.
LIBRARIES = {
    "incumbent_etcd": "etcd3",
    "incumbent_consul": "consul",
    "incumbent_postgres": "psycopg",
    "incumbent_redis": "redis",
}


def modules(extras: Mapping[str, str]) -> dict[str, str]:
    """Return the module of each, by name; *extras* says what to install for those of the plugins: `incumbent[etcd]`."""
    return {
        "memory": "incumbent.electors.memory",
        "local": "incumbent.electors.local",
        "consul+check": "incumbent_consul.check",
        **{name: f"incumbent_{extra.partition('[')[2].rstrip(']')}" for name, extra in extras.items()},
    }


def importable(extras: Mapping[str, str], known: set[str]) -> Iterator[tuple[str, str, str]]:
    """
    Yield name, module and distribution of those that can be imported, with what they stand on. Imports none.

    Args:
        extras: See `modules`.
        known: The modules that are found by their metadata, and left out here.
    """
    for name, module in modules(extras).items():
        package = module.partition(".")[0]
        if module not in known and _is_there(package) and _is_there(LIBRARIES.get(package, package)):
            yield name, module, package.replace("_", "-")


def _is_there(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.origin is not None  # a directory without a module may be what an uninstall left
