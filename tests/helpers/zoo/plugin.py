"""The entry point of `zoo`, for candidates in other processes: there the backend that ZOO names is installed."""

from __future__ import annotations

import os
from importlib import import_module

from incumbent import Backend, hookimpl

#: In the environment: "module:Class" of a backend, or of an elector, which is put into the correct backend.
ZOO = "ZOO"


@hookimpl
def incumbent_backend() -> type[Backend]:
    module, _, name = os.environ[ZOO].partition(":")
    return backend_of(getattr(import_module(module), name))


def backend_of(which: type) -> type[Backend]:
    from .elector import ZooBackend, ZooElector

    if issubclass(which, ZooElector):
        return type(f"{which.__name__}Backend", (ZooBackend,), {"elector_class": which, "__module__": which.__module__})
    return which
