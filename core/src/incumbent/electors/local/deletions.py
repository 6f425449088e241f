"""Tells when a file is removed or replaced, by inotify, which the standard library does not offer."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Deletions"]

#: What happens to a file that is open when its name goes: fewer links, or another name. Writing to it is neither.
ATTRIB, DELETE_SELF, MOVE_SELF = 0x4, 0x400, 0x800
#: The kernel has dropped events: anything may have happened.
OVERFLOW = 0x4000
#: Of an event: the watch, what happened, a cookie, the length of a name that follows. Watched files have no name.
EVENT = struct.Struct("iIII")


class Deletions:
    """
    One inotify instance. Not thread-safe.

    The kernel grants few instances (128 to a user by default), so there may be none: `add` then does nothing, and
    a deletion is noticed when the leader checks.
    """

    def __init__(self) -> None:
        self._libc = _libc()
        self._callbacks: dict[int, Callable[[], None]] = {}
        #: Readable when something has happened; -1 if there is no instance.
        self.descriptor: int = -1 if self._libc is None else self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)

    def add(self, path: Path, callback: Callable[[], None]) -> int | None:
        """Call *callback* when *path* is removed or replaced. Return the watch, or None if there is none."""
        if self._libc is None or self.descriptor < 0:
            return None
        mask = ATTRIB | DELETE_SELF | MOVE_SELF
        watch: int = self._libc.inotify_add_watch(self.descriptor, os.fsencode(path), mask)
        if watch < 0:
            return None
        self._callbacks[watch] = callback
        return watch

    def remove(self, watch: int) -> None:
        """End *watch*. The kernel may have ended it already, with the file."""
        if self._callbacks.pop(watch, None) is not None and self._libc is not None:
            self._libc.inotify_rm_watch(self.descriptor, watch)

    def read(self) -> list[Callable[[], None]]:
        """Return the callbacks of what has happened."""
        with contextlib.suppress(BlockingIOError):
            events = list(EVENT.iter_unpack(os.read(self.descriptor, 64 * EVENT.size)))
            if any(mask & OVERFLOW for _, mask, _, _ in events):
                return list(self._callbacks.values())
            return [self._callbacks[watch] for watch in {event[0] for event in events} if watch in self._callbacks]
        return []

    def close(self) -> None:
        """Free the instance."""
        self._callbacks.clear()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _libc() -> Any:
    """Return the C library, or None if it has no inotify."""
    import ctypes  # noqa: PLC0415 - only a leader needs it

    try:
        libc = ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None
    return libc if hasattr(libc, "inotify_init1") else None
