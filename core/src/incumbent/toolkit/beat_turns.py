"""Whose turn it is when an election becomes free: of hundreds that wait, a few try at once, the others if need be."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from math import log2

__all__ = ["Turns"]

#: So many of those that wait try at once, on average; and twice as many whenever these seconds have passed.
FIRST, DOUBLED = 3, 0.1


class Turns:
    """
    When to try for the elections that have become free, for one process of those that wait. Thread-safe.

    Nobody knows of the others who they are, only how many: so each draws a chance. That a few are slow, or dead, costs
    the others hardly more than the time in which twice as many try. It is no rule, only a courtesy: the store decides.

    Args:
        clock: `BackendSettings.clock`.
        chance: Returns numbers in [0, 1).
    """

    def __init__(self, clock: Callable[[], float], chance: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._chance = chance or random.SystemRandom().random  # the module's own numbers are the application's
        self._lock = threading.Lock()
        self._at: dict[str, float] = {}

    def wait(self, lock_id: str, waiting: int) -> bool:
        """Take that *lock_id* is free, and how many wait for it; tell whether there is a turn to wait for."""
        share = self._chance() * waiting / FIRST
        if share <= 1.0:
            return False
        with self._lock:
            self._at[lock_id] = self._clock() + DOUBLED * log2(share)
        return True

    def taken(self, lock_id: str) -> None:
        """Take that somebody leads it: there is nothing to wait for."""
        with self._lock:
            self._at.pop(lock_id, None)

    def come(self) -> list[str]:
        """Return the elections whose turn has come, once."""
        now = self._clock()
        with self._lock:
            come = [lock_id for lock_id, at in self._at.items() if at <= now]
            for lock_id in come:
                del self._at[lock_id]
        return come

    def left(self) -> float | None:
        """Return the seconds until the next turn; None if there is none."""
        with self._lock:
            return max(0.0, min(self._at.values()) - self._clock()) if self._at else None
