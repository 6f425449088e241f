"""Tests that act on a whole store run alone, also where several processes test the same one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

__all__ = ["is_alone", "turn"]

#: What a harness does to all elections of its store at once.
STORE_WIDE = {"freeze", "kill"}


def is_alone(test: Callable[..., None]) -> bool:
    """Return whether no other test may use the store while *test* runs."""
    return not STORE_WIDE.isdisjoint(getattr(test, "_incumbent_requires", ()))


@contextmanager
def turn(folder: Path | None, url: str, *, alone: bool) -> Iterator[None]:
    """
    Wait for the turn of a test on the store at *url*, and keep it for the length of the block.

    Args:
        folder: Where the processes that share their tests meet; None if there is but one.
        url: The store: those with different ones do not wait for each other.
        alone: Whether nobody else may have a turn meanwhile.
    """
    if folder is None:
        yield
        return
    path = folder / f"incumbent-{sha256(url.encode()).hexdigest()[:16]}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)
