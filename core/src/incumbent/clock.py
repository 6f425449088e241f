"""The two clocks: one that counts suspension, for deadlines; wall time, for cron and display only."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock", "boottime"]

if hasattr(time, "CLOCK_BOOTTIME"):

    def boottime() -> float:
        """Return seconds since boot, suspension included (P2). Same origin in every process of a host."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:  # pragma: no cover - not Linux: no clock there that is known to count suspension

    def boottime() -> float:
        """Return monotonic seconds. This system has no clock that promises to count suspension."""
        return time.monotonic()


class Clock(Protocol):
    """What the runner reads time from; tests hand in a fake one."""

    def now(self) -> float:
        """Return seconds on a clock that never steps and counts suspension."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch; may step at any time."""


class SystemClock:
    """The clocks of this machine. Stateless and thread-safe."""

    def now(self) -> float:
        """Return `boottime()`."""
        return boottime()

    def wall(self) -> float:
        """Return `time.time()`."""
        return time.time()
