"""The clock of deadlines counts suspension; the other one is for people."""

import sys
import time

from incumbent import SystemClock, boottime


def test_boottime_counts_suspension(monkeypatch):
    """P2: on Linux it is CLOCK_BOOTTIME, which goes on while the machine sleeps, and no other."""
    assert sys.platform != "linux" or hasattr(time, "CLOCK_BOOTTIME")
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 123.5}.__getitem__)
    assert boottime() == 123.5
    assert SystemClock().now() == 123.5


def test_wall_time_is_the_systems(monkeypatch):
    """Wall time may step, and is read anew each time."""
    readings = iter([2e9, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(readings))
    assert [SystemClock().wall() for _ in range(2)] == [2e9, 1e9]
