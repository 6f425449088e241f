"""A wall clock that is wrong: in a process of its own, before anything there has looked at it."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

__all__ = ["WRONG_BY", "be_wrong_by"]

#: Seconds by which the wall clock is ahead in the candidates' processes that are started in this context.
WRONG_BY: ContextVar[float] = ContextVar("WRONG_BY", default=0.0)


def be_wrong_by(seconds: float) -> Callable[[str], None]:
    """
    Set the wall clock *seconds* ahead, or back if it is negative, for the package that what is returned is called with.

    Libraries that pass the time on to code which reads the machine's own would contradict themselves: it stays as it is
    for all but that package.
    """
    packages: set[str] = set()

    def ahead(depth: int = 2) -> float:
        asks: str = sys._getframe(depth).f_globals.get("__name__", "")  # noqa: SLF001 - there is no other way
        return seconds if asks.partition(".")[0] in packages else 0.0

    time_, time_ns, read, read_ns = time.time, time.time_ns, time.clock_gettime, time.clock_gettime_ns
    time.time = lambda: time_() + ahead()
    time.time_ns = lambda: time_ns() + int(ahead() * 1e9)
    time.clock_gettime = lambda clock: read(clock) + ahead() * (clock == time.CLOCK_REALTIME)
    time.clock_gettime_ns = lambda clock: read_ns(clock) + int(ahead() * 1e9) * (clock == time.CLOCK_REALTIME)
    vars(dt)["datetime"] = _shifted(lambda: timedelta(seconds=ahead(3)))
    return packages.add


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, datetime)


def _shifted(ahead: Callable[[], timedelta]) -> type[datetime]:
    class Shifted(datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + ahead()

        @classmethod
        def today(cls) -> Any:
            return datetime.now() + ahead()  # noqa: DTZ005 - that is what it returns

        @classmethod
        def utcnow(cls) -> Any:
            return datetime.now(timezone.utc).replace(tzinfo=None) + ahead()

    return Shifted
