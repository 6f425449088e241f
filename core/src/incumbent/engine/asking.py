"""
When a preferred candidate that follows asks for the office, and when it asks no more.

It asks when it has followed the same leader, fit to lead itself, for as long as a term is to last at least. It does so
for a moment, for a request keeps operators from making theirs; and again, ever more rarely, while the leader leads on.

Pure, as the machine is: no I/O, thread or clock.
"""

from __future__ import annotations

from math import inf

from incumbent.config import CLOCK_RATE

__all__ = ["Asking"]

#: As often as a leader that does not hand over is asked at least, seconds.
LONGEST_PAUSE = 3600.0


class Asking:
    """
    One candidate's asking. Not thread-safe.

    Attributes:
        term: The token of the term that is to end; None while nobody else leads.
        at: When something is to be done: to ask, or to ask no more.
    """

    def __init__(self, min_term: float, patience: float) -> None:
        #: The leader counts its term by a clock of its own (P1), and must find it long enough.
        self._settling = min_term * (1.0 + 2.0 * CLOCK_RATE)
        self._patience = patience
        self._pause = self._settling
        self._next = inf
        self.term: int | None = None
        self.at = inf

    def saw(self, term: int | None, now: float) -> bool:
        """Take which term of another's there is; tell whether that is news."""
        if term == self.term:
            return False
        self.term = term
        self.settle(now)
        return True

    def settle(self, now: float) -> None:
        """Begin anew: another leads, or something has kept this candidate from being fit to."""
        self._pause = self._settling
        self.at = inf if self.term is None else now + self._pause

    def asks(self, now: float) -> None:
        """Take that it asks from now on."""
        self._next, self.at = now + self._pause, now + self._patience
        self._pause = min(2.0 * self._pause, max(LONGEST_PAUSE, self._settling))

    def stopped(self) -> None:
        """Take that it asks no more."""
        self.at = self._next
