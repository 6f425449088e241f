"""The client library: what builds requests is used, and where it stands by itself, the rest is not imported.

`import consul` brings requests and urllib3, which took a fifth of the memory of a candidate (6.4 MB of 33, measured
with python-consul 1.1.0), and which nothing here calls.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from incumbent.toolkit import importing

__all__ = ["Library", "load"]

PACKAGE, MODULE = "consul", "consul.base"

_loaded: Library | None = None


@dataclass(frozen=True)
class Library:
    """What is used of it, untyped as it is: the module that builds requests, and its errors."""

    base: Any
    error: type[Exception]
    missing: type[Exception]


def load() -> Library:
    """
    Import it, once. Thread-safe.

    Raises:
        ImportError: It is not installed, or broken; or anything else that its import raises.
    """
    global _loaded  # noqa: PLW0603 - one process has one library
    with importing:
        if _loaded is None:
            base = None if PACKAGE in sys.modules else _alone()
            errors = base or importlib.import_module(PACKAGE)
            _loaded = Library(base or importlib.import_module(MODULE), errors.ConsulException, errors.NotFound)
        return _loaded


def _alone() -> ModuleType | None:
    """Return the one module without its package; None if it needs that, as py-consul's does, or is not found so."""
    package = find_spec(PACKAGE)
    if package is None:
        return None
    places = package.submodule_search_locations
    spec = next(filter(None, (finder.find_spec(MODULE, places) for finder in sys.meta_path)), None)
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception:  # whatever is wrong with it, the import of the package says so
        return None
    return None if PACKAGE in sys.modules else module
