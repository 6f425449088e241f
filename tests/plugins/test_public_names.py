"""The plugins are written as a third party's: with public names, and without a client library before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
#: What a plugin may import of the core.
PUBLIC = {"incumbent", "incumbent.testing", "incumbent.toolkit"}


def ids(path):
    return path.name


def imported(path):
    """Yield what a module imports of the core, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def test_there_are_plugins():
    """The tests below test something."""
    assert [path.name for path in PLUGINS] == ["consul", "etcd", "postgres", "redis"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=ids)
def test_plugin_imports_public_names_only(plugin):
    """No module of a plugin reaches into the core: what it needs, everybody can have."""
    modules = list(plugin.rglob("src/**/*.py"))
    assert modules
    used = {name for path in modules for name in imported(path) if name.split(".")[0] == "incumbent"}
    assert used <= PUBLIC


@pytest.mark.parametrize("plugin", PLUGINS, ids=ids)
def test_listing_electors_imports_no_client_library(plugin):
    """The hook answers with the backend class, whose module needs no client library."""
    program = (
        "import sys; from incumbent.registry import load_backend_class; "
        f"load_backend_class({plugin.name!r}); "
        "clients = {'etcd3', 'grpc', 'google.protobuf', 'consul', 'requests', 'urllib3', 'psycopg', 'redis'}; "
        "print(*sorted(clients & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
