"""Imports python-etcd3, which by itself does not import beside protobuf 4 and later."""

from __future__ import annotations

import ast
import concurrent.futures.thread  # noqa: F401 - with logging: their hooks must not come between those of one fork
import errno
import importlib
import importlib.util
import logging  # noqa: F401
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from incumbent import BackendRejectedError, BackendUnavailableError, ConfigurationError

__all__ = ["DISTRIBUTIONS", "Library", "check_fork", "load", "note_use", "versions"]

#: What the plugin stands on, as it is called where it is installed from.
DISTRIBUTIONS = ("etcd3", "grpcio", "protobuf")

#: What is set while gRPC is imported, which reads it then. What matters of its remarks, at each failed handshake, is
#: raised as well. And its handlers of forks, on if nothing is said, abort one child in twenty (SIGABRT, measured with
#: 1.85.3): they make new threads in it, on the stacks of its parent's, which may still stand in a queue.
SETTINGS = {"GRPC_VERBOSITY": "NONE", "GRPC_ENABLE_FORK_SUPPORT": "0"}

_lock = threading.RLock()
_loaded: Library | None = None
#: The process that has used gRPC first, if it does without handlers of forks.
_used_by: int | None = None
_handles_forks = True
# A fork waits for an import that is under way: its child could never finish it, nor begin anew (P9).
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


@dataclass(frozen=True)
class Library:
    """The modules that are used, untyped as they are."""

    etcd3: Any
    grpc: Any
    #: The messages and the stubs of etcd's API.
    rpc: Any


def load() -> Library:
    """
    Import python-etcd3 and what it needs, once. Thread-safe.

    Raises:
        BackendRejectedError: It cannot be imported; says why.
        BackendUnavailableError: Not now, for the system has no descriptor or no memory left.
    """
    global _loaded  # noqa: PLW0603 - one process has one python-etcd3
    with _lock:
        if _loaded is None:
            try:
                _loaded = _import()
            except Exception as error:
                text = " ".join(str(error).split())[:200]
                kind = type(error).__name__
                if isinstance(error, OSError | MemoryError) or os.strerror(errno.EMFILE) in text:
                    raise BackendUnavailableError(f"python-etcd3 is not read: {kind}: {text}") from error
                raise BackendRejectedError(f"python-etcd3 is broken: {kind}: {text}") from error
        return _loaded


def note_use() -> None:
    """Note that gRPC has threads from now on."""
    global _used_by  # noqa: PLW0603 - as above
    _used_by = _used_by or os.getpid()


def check_fork() -> None:
    """
    Return if gRPC can be used in this process.

    Raises:
        ConfigurationError: It was forked from one that used gRPC, whose threads are not here: every call would hang.
    """
    if not _handles_forks and _used_by not in (None, os.getpid()):
        raise ConfigurationError(
            "etcd: this process was forked from one that uses gRPC, and cannot: start it anew (subprocess, or "
            "multiprocessing's spawn), or set GRPC_ENABLE_FORK_SUPPORT=1 for its parent, whose forks take 1 s then"
        )


def versions() -> dict[str, str]:
    """Return the versions of what is installed, without importing it."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _import() -> Library:
    protobuf = importlib.import_module("google.protobuf")
    if "etcd3" not in sys.modules and int(protobuf.__version__.partition(".")[0]) >= 4:
        sys.modules.update(_rebuilt())
    with _settings():
        grpc = importlib.import_module("grpc")
    return Library(importlib.import_module("etcd3"), grpc, importlib.import_module("etcd3.etcdrpc"))


@contextmanager
def _settings() -> Iterator[None]:
    """Have gRPC imported with our settings, as far as others have not decided, or imported it before."""
    global _handles_forks  # noqa: PLW0603 - as above
    if "grpc" in sys.modules:
        yield
        return
    ours = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    _handles_forks = os.environ["GRPC_ENABLE_FORK_SUPPORT"].lower() not in ("0", "false", "no", "f", "n")
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _rebuilt() -> dict[str, ModuleType]:
    """
    Rebuild python-etcd3's message modules from the descriptors that lie in them; none if they are of another kind.

    Generated by protoc 3.7, they call what protobuf 4 has removed; but they hold the serialized descriptors. These
    go into a pool of their own: the default pool knows only one `rpc.proto`, and other etcd clients bring theirs.
    """
    spec = importlib.util.find_spec("etcd3")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "etcdrpc"
    descriptor_pool = importlib.import_module("google.protobuf.descriptor_pool")
    pool = descriptor_pool.DescriptorPool()
    modules = {}
    for stem in ("kv", "auth", "rpc"):  # each needs those before it
        serialized = _serialized(folder / f"{stem}_pb2.py")
        if serialized is None:  # a patched or a newer one: it can be imported as it is
            return {}
        pool.AddSerializedFile(serialized)
        name = f"etcd3.etcdrpc.{stem}_pb2"
        modules[name] = _module(name, pool.FindFileByName(f"{stem}.proto"))
    return modules


def _serialized(path: Path) -> bytes | None:
    """Return what the generated module passes as `serialized_pb=_b('…')`, without running it."""
    if not path.exists():
        return None
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg == "serialized_pb" and isinstance(keyword.value, ast.Call):
                text = ast.literal_eval(keyword.value.args[0])
                return text.encode("latin1") if isinstance(text, str) else None
    return None


def _module(name: str, file: Any) -> ModuleType:
    message_factory = importlib.import_module("google.protobuf.message_factory")
    enum_type_wrapper = importlib.import_module("google.protobuf.internal.enum_type_wrapper")
    module = ModuleType(name)
    module.DESCRIPTOR = file  # type: ignore[attr-defined] # as generated modules have it
    for title, message in file.message_types_by_name.items():
        setattr(module, title, message_factory.GetMessageClass(message))
    for title, enum in file.enum_types_by_name.items():
        setattr(module, title, enum_type_wrapper.EnumTypeWrapper(enum))
        vars(module).update({value.name: value.number for value in enum.values})
    return module
