"""One deadline for all requests of a call, however many there are and whatever each of them waits for (P10)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["deadline", "time_left", "within"]


class _Limits(threading.local):
    #: When the innermost block of `within` that this thread is in ends.
    until = float("inf")


_limits = _Limits()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """
    Have all requests that this thread makes inside the block end within *seconds*, together.

    Blocks may stand in each other: the one that ends first counts. It binds who asks `deadline`, and nobody else.
    """
    outer = _limits.until
    _limits.until = min(outer, time.monotonic() + seconds)
    try:
        yield
    finally:
        _limits.until = outer


def deadline(seconds: float) -> float:
    """Return when a request that begins now, and may take *seconds*, must have ended, on `time.monotonic`."""
    return min(_limits.until, time.monotonic() + seconds)


def time_left(until: float) -> float:
    """
    Return the seconds until *until*, which `deadline` returned: the timeout for the next wait of that request.

    Raises:
        TimeoutError: There are none.
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
