"""When something is due for a candidate: of each kind of timer the last one that was set counts."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from math import inf

from .candidacy import Candidacy
from .events import Timer

__all__ = ["Timers"]


class Timers:
    """Those of all candidates of a runner. Not thread-safe; times are seconds on the runner's clock."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, Candidacy, Timer]] = []
        self._valid: dict[tuple[Candidacy, Timer], int] = {}

    def __len__(self) -> int:
        """Return how many are set."""
        return len(self._valid)

    def set(self, candidate: Candidacy, timer: Timer, at: float) -> None:
        """Have *timer* of *candidate* due at *at*, and not when it was set for before."""
        number = self._valid[candidate, timer] = next(self._numbers)
        heapq.heappush(self._heap, (at, number, candidate, timer))

    def drop(self, candidate: Candidacy, timer: Timer) -> None:
        """Have *timer* of *candidate* due no more."""
        self._valid.pop((candidate, timer), None)

    def forget(self, candidate: Candidacy) -> None:
        """Drop all of *candidate*."""
        for timer in Timer:
            self.drop(candidate, timer)

    def due(self, now: float) -> Iterator[tuple[Candidacy, Timer]]:
        """Yield those that are due at *now*, each once, also what is set meanwhile for a time that has passed."""
        while self.first() <= now:
            _, number, candidate, timer = heapq.heappop(self._heap)
            if self._valid.get((candidate, timer)) == number:
                self.drop(candidate, timer)
                yield candidate, timer

    def first(self) -> float:
        """Return when there is something to look at next."""
        return self._heap[0][0] if self._heap else inf
