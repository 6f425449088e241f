"""The engine's inbox, at which a stage waits until nothing is left to be done, and has the engine look at the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf
from queue import SimpleQueue
from typing import Any

__all__ = ["Inbox"]

#: How often it is looked whether the engine still runs, real seconds.
LOOK = 0.01


class Inbox(SimpleQueue[Any]):
    """
    Events for the engine, which rests where it waits for them. Thread-safe.

    Args:
        patience: Real seconds in which it comes to rest.
        passes: Is asked when it rests, with the seconds until something is due: lets them pass by itself, or says no.
    """

    def __init__(self, patience: float, passes: Callable[[float], bool]) -> None:
        self._patience = patience
        self._passes = passes
        self._changed = threading.Condition()
        #: The seconds until something is due, while the engine rests.
        self._rests: float | None = None
        self._looks = False

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add *item*."""
        with self._changed:
            self._rests = None
            super().put(item, block, timeout)
            self._changed.notify_all()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ARG002 - it always waits
        """Return the next item, or raise `Empty`; *timeout* is virtual, but the engine goes round in real time too."""
        with self._changed:
            if timeout and self.empty() and not self._looks and not self._passes(timeout):
                self._rests = timeout
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._looks or not self.empty(), timeout)
            self._rests, self._looks = None, False
            return super().get_nowait()

    def settle(self, runs: Callable[[], bool]) -> float:
        """Have the engine look at the clock, and wait until it rests again, or does not run at all."""
        end = time.monotonic() + self._patience
        with self._changed:
            self._rests, self._looks = None, True
            self._changed.notify_all()
            while self._rests is None and runs():
                if time.monotonic() >= end:
                    raise AssertionError(
                        f"the engine has not come to rest in {self._patience:g} s: an observer holds it up"
                    )
                self._changed.wait(LOOK)
            return inf if self._rests is None else self._rests
