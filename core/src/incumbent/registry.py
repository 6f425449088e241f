"""Finds electors by name: lists without importing, loads exactly one, and says clearly what is broken."""

from __future__ import annotations

import errno
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, distributions

import pluggy

from . import hookspecs
from .address import Address, check_options, printable, shorten
from .advice import EXTRAS, advice
from .declared import check_backend
from .elector import Backend, BackendSettings
from .errors import ElectionError, ElectorLoadError, ElectorNotFoundError
from .greenlets import check_threads
from .ours import REMARK, importable

__all__ = [
    "ENTRY_POINT_GROUP",
    "Installed",
    "brought_by",
    "installed",
    "load_backend_class",
    "make_backend",
    "open_backend",
    "packages",
]

ENTRY_POINT_GROUP = "incumbent.electors"
UNKNOWN = "unknown"
#: Of this process, of the system.
SHORT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_NAMED = re.compile(r"^(Name|Version):[ \t]*(.*\S)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Installed:
    """An elector that some package brings; *backend* or *error* is None."""

    name: str
    distribution: str
    version: str
    backend: type[Backend] | None
    error: ElectionError | None


@dataclass(frozen=True)
class _Found:
    entry_point: EntryPoint
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


def open_backend(address: Address | str, settings: BackendSettings) -> Backend:
    """
    Load the elector that *address* names, and make its backend. No I/O but imports.

    Raises:
        ElectorNotFoundError: No installed package brings it.
        ElectorLoadError: The package that does is broken.
        ConfigurationError: The URL or an option is wrong.
    """
    if not isinstance(address, Address):
        address = Address.parse(address)
    return make_backend(load_backend_class(address.scheme), address, settings)


def make_backend(backend: type[Backend], address: Address, settings: BackendSettings) -> Backend:
    """
    Make a backend of a class that is at hand, installed or not. No I/O.

    Raises:
        ElectorLoadError: Its constructor is broken.
        ConfigurationError: The URL or an option is wrong, or the threads of this process are of no use.
    """
    check_threads()
    check_options(address, backend.options)
    try:
        return backend(address, settings)
    except (ElectionError, KeyboardInterrupt):
        raise
    except BaseException as error:
        found = ", ".join(packages(address.scheme)) or f"{backend.__module__}.{backend.__qualname__}"
        # The message of a foreign exception may hold a secret of the URL; its type does not.
        raise ElectorLoadError(
            f"elector {address.scheme!r} ({found}): its backend failed: {type(error).__name__}"
        ) from error


def load_backend_class(name: str) -> type[Backend]:
    """
    Import the one package that brings elector *name*, and return its backend class.

    The answer is kept while Python's search path stays the same: looking takes tens of milliseconds, which a process
    that stands in a thousand elections would pay a thousand times. Refusals are not kept. Thread-safe.

    Raises:
        ElectorNotFoundError: No installed package does.
        ElectorLoadError: Two packages do, or the one is broken, or made for a contract that is not served.
    """
    return _load_named(name, tuple(sys.path))


@lru_cache(maxsize=64)
def _load_named(name: str, _: tuple[str, ...]) -> type[Backend]:
    electors, unreadable = _look()
    matches = [found for found in electors if found.entry_point.name == name]
    if not matches:
        raise _not_found(name, electors, unreadable)
    return _load_only(name, matches)


def _load_only(name: str, matches: list[_Found]) -> type[Backend]:
    if len(matches) > 1:
        raise ElectorLoadError(
            f"elector {name!r} is brought by {' and by '.join(map(str, matches))}: uninstall all but one"
        )
    return _load(matches[0])


def installed() -> list[Installed]:
    """
    Return every elector that is installed, by name. Each is loaded by itself, and a broken one harms no other.

    Raises:
        ElectorLoadError: There are no descriptors to look for any.
    """
    rows: list[Installed] = []
    electors, _ = _look()  # once: it takes tens of milliseconds
    for name in sorted({found.entry_point.name for found in electors}):
        matches = [found for found in electors if found.entry_point.name == name]
        backend: type[Backend] | None = None
        failure: ElectionError | None = None
        try:
            backend = _load_only(name, matches)
        except ElectionError as error:
            failure = error
        rows.extend(Installed(name, found.distribution, found.version, backend, failure) for found in matches)
    return rows


def packages(name: str) -> list[str]:
    """Return the packages that bring elector *name*, each with its version; there should be one at most."""
    return [str(found) for found in _find(name)]


def brought_by(name: str) -> str | None:
    """Return which packages bring elector *name*, or what to install for one of our own; None if it is free."""
    return " and ".join(packages(name)) or EXTRAS.get(name.partition("+")[0])


def _look() -> tuple[list[_Found], list[str]]:
    """
    Return every elector's entry point, and what is to be said of packages whose entry points cannot be read.

    Of a distribution that is found twice, the first counts: it is what Python would import. Ours are found in any case.

    Raises:
        ElectorLoadError: There are no descriptors to read any of them.
    """
    seen = set()
    found: list[_Found] = []
    unreadable: list[str] = []
    for distribution in distributions():
        name, version = _named(distribution)
        normal = re.sub(r"[-_.]+", "-", name).lower()  # `a_b` and `A.B` are one package
        if normal in seen and name != UNKNOWN:
            continue
        seen.add(normal)
        try:
            points = [point for point in distribution.entry_points if point.group == ENTRY_POINT_GROUP]
        except Exception as error:  # somebody else's damaged file; what Python raises for one differs
            if isinstance(error, OSError) and error.errno in SHORT_OF_DESCRIPTORS:  # all look damaged then
                raise ElectorLoadError(f"the installed packages cannot be read: {_cause(error)}") from error
            unreadable.append(f"the entry points of {name} {version} cannot be read: {_cause(error)}")
        else:
            found.extend(_Found(point, name, version) for point in points)
    known = {point.entry_point.value for point in found}
    for name, module, package in importable(EXTRAS, known):
        found.append(_Found(EntryPoint(name, module, ENTRY_POINT_GROUP), package, UNKNOWN))
        if name == "memory":
            unreadable.append(REMARK)
    return found, unreadable


def _named(distribution: Distribution) -> tuple[str, str]:
    """Return name and version, which stand in the head of a file: to have all of it parsed takes ten times as long."""
    try:
        # A half-removed distribution has none of these files.
        text = next(filter(None, map(distribution.read_text, ("METADATA", "PKG-INFO", ""))), "")
    except Exception:  # a damaged one: the package has no name then, but its electors work
        return UNKNOWN, UNKNOWN
    said = {name.lower(): value for name, value in reversed(_NAMED.findall(text.partition("\n\n")[0]))}
    return said.get("name", UNKNOWN), said.get("version", UNKNOWN)


def _find(name: str) -> list[_Found]:
    return [found for found in _look()[0] if found.entry_point.name == name]


def _load(found: _Found) -> type[Backend]:
    name = found.entry_point.name
    prefix = f"elector {name!r} ({found})"
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        # Not `load_setuptools_entrypoints`, which reads the entry points of every package again, damaged ones too.
        manager.register(found.entry_point.load(), name)
        manager.check_pending()
        answer = manager.hook.incumbent_backend()
        if answer is not None:
            return check_backend(answer, f"{prefix}: its hook", prefix, found.distribution)
    except (KeyboardInterrupt, ElectorLoadError):
        raise
    except BaseException as error:  # an import may even call sys.exit, and so may whatever is looked at
        raise ElectorLoadError(f"{prefix} cannot be loaded: {_cause(error)}") from error
    raise ElectorLoadError(f"{prefix}: {found.entry_point.value} has no hook incumbent_backend marked with hookimpl")


def _not_found(name: str, electors: list[_Found], unreadable: list[str]) -> ElectorNotFoundError:
    names = sorted({found.entry_point.name for found in electors})
    shown = ", ".join(names) or "none"
    return ElectorNotFoundError(
        "; ".join([f"no elector {shorten(name)} is installed{advice(name, names)} (installed: {shown})", *unreadable])
    )


def _cause(error: BaseException) -> str:
    try:
        text = printable(" ".join(str(error).split())[:200])
    except (Exception, SystemExit):  # of an exception that cannot be shown, the type must do
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
