"""Takes from a process what it needs of the system, and gives it back."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from itertools import count
from pathlib import Path

__all__ = ["full_disk", "no_descriptors"]


@contextlib.contextmanager
def no_descriptors(pid: int) -> Iterator[None]:
    """Leave the process no descriptor to open inside the block, but those that it closes meanwhile."""
    try:
        used = {int(descriptor.name) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    except FileNotFoundError:  # it has ended
        used = set()
    # Not fewer than it has: poll(2) refuses to look at more than are allowed.
    with _limited(pid, resource.RLIMIT_NOFILE, next(number for number in count() if number not in used)):
        yield


@contextlib.contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """Have each write of the process to a file fail inside the block."""
    with _limited(pid, resource.RLIMIT_FSIZE, 0):
        yield


@contextlib.contextmanager
def _limited(pid: int, what: int, limit: int) -> Iterator[None]:
    """Lower a limit of the process inside the block. Nothing happens to one that has ended."""
    old = None
    with contextlib.suppress(ProcessLookupError):
        old = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (limit, old[1]))
    try:
        yield
    finally:
        if old is not None:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, what, old)
