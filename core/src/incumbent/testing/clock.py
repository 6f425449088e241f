"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading

__all__ = ["FakeClock"]


class FakeClock:
    """
    The two clocks of a machine, moved by hand. Thread-safe.

    It is an `incumbent.Clock`; its `now` can be `BackendSettings.clock` as well.

    Args:
        now: Where the clock that never steps begins, seconds.
        wall: Where wall time begins, seconds since the Unix epoch.
    """

    def __init__(self, now: float = 1_000.0, wall: float = 1_700_000_000.0) -> None:
        self._lock = threading.Lock()
        self._now = now
        self._wall = wall

    def now(self) -> float:
        """Return seconds on the clock that never steps."""
        with self._lock:
            return self._now

    def wall(self) -> float:
        """Return seconds since the Unix epoch."""
        with self._lock:
            return self._wall

    def advance(self, seconds: float) -> None:
        """
        Let *seconds* pass on both clocks.

        Raises:
            ValueError: *seconds* is negative; only wall time may go back (`step_wall`).
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: advance({seconds!r})")
        with self._lock:
            self._now += seconds
            self._wall += seconds

    def step_wall(self, seconds: float) -> None:
        """Set wall time forward, or with negative *seconds* back, as an administrator does; `now` is untouched."""
        with self._lock:
            self._wall += seconds
