"""One deadline for all requests of a call, however many there are and whatever each of them waits for (P10)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

__all__ = ["deadline", "time_left", "within"]

#: When the innermost block of `within` ends that this thread is in, or this greenlet: each has a context of its own.
#: And the thread: one that is started in a block may inherit the context, and outlives the block.
_limit: ContextVar[tuple[float, int]] = ContextVar("_limit", default=(inf, 0))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """
    Have all requests that this thread makes inside the block end within *seconds*, together.

    Blocks may stand in each other: the one that ends first counts. It binds who asks `deadline`, and nobody else.
    """
    outer = _limit.set((deadline(seconds), threading.get_ident()))
    try:
        yield
    finally:
        _limit.reset(outer)


def deadline(seconds: float) -> float:
    """Return when a request that begins now, and may take *seconds*, must have ended, on `time.monotonic`."""
    until, thread = _limit.get()
    own = time.monotonic() + seconds
    return min(until, own) if thread == threading.get_ident() else own


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
