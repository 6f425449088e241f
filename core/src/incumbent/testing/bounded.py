"""Calls of what may hang: each on a thread of its own, and waited for no longer than a limit."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["GUARD", "HARNESS_LIMIT", "LAST", "HangError", "bounded", "closed"]

T = TypeVar("T")

#: Name of the threads that calls run on.
GUARD = "incumbent-conformance"
#: Seconds that a harness may take to start, kill or restart its store.
HARNESS_LIMIT = 60.0
#: Seconds more that the busiest machine takes to close something.
LAST = 15.0
#: Threads that close what a test has opened.
CLOSERS = 8


class HangError(TimeoutError):
    """
    A call has not returned in time.

    Attributes:
        thread: The one that it hangs on.
        stack: Where it hung.
    """

    def __init__(self, text: str, thread: threading.Thread) -> None:
        super().__init__(text)
        self.thread = thread
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - it is documented
        self.stack = [] if frame is None else traceback.extract_stack(frame)


def bounded(limit: float, call: Callable[[], T], name: str) -> T:
    """
    Return what *call* returns or raises; fail if it takes longer than *limit* seconds.

    It runs on a daemon thread of its own: one that hangs is left behind, and costs one test only.
    """
    done: list[T] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, name=GUARD, daemon=True)
    thread.start()
    thread.join(limit)
    if raised:
        raise raised[0]
    if not done:
        raise HangError(f"{name} has not returned {limit:g} s after it was called (P10)", thread)
    return done[0]


def closed(closes: Iterable[Callable[[], None]]) -> list[HangError]:
    """Close all of them; return the errors of those that have not returned even on the busiest machine."""
    with ThreadPoolExecutor(CLOSERS) as pool:
        return [error for error in pool.map(_hanging, closes) if error is not None]


def _hanging(close: Callable[[], None]) -> HangError | None:
    try:
        close()
    except HangError as error:
        error.thread.join(LAST)
        return error if error.thread.is_alive() else None
    except Exception:  # another test's business
        return None
    return None
