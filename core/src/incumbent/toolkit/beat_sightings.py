"""For how long records have not changed, on the clock of who waits: the only clock that ends a claim (P1)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from .beat import Record

__all__ = ["Sightings"]

#: Of its ttl, after which a record that was not seen again is forgotten: its election is nobody's business any more.
FORGOTTEN = 2.0


@dataclass(slots=True)
class _Sighting:
    beat: str
    ttl: float
    #: When it was seen first and last, read after the answer had arrived: it may have been old by then, never new.
    since: float
    last: float


class Sightings:
    """
    When each record was first seen as it is now. Thread-safe.

    Args:
        clock: One that cannot be set.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], _Sighting] = {}

    def saw(self, lock_id: str, record: Record) -> float:
        """Note what has just been read; return the seconds after which it will have been silent for its ttl."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(_key(lock_id, record))
            if seen is None or seen.beat != record.beat:
                seen = self._seen[_key(lock_id, record)] = _Sighting(record.beat, record.ttl, now, now)
            seen.ttl, seen.last = record.ttl, now
            return max(0.0, seen.since + record.ttl - now)

    def left(self, lock_id: str, record: Record) -> float:
        """Return the same of what was read earlier: 0 if it may be taken over, infinite if it was renewed since."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(_key(lock_id, record))
            if seen is None or seen.beat != record.beat:
                return inf
            return max(0.0, seen.since + record.ttl - now)

    def forget(self) -> None:
        """Forget what has not been seen for long."""
        now = self._clock()
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if now - seen.last < FORGOTTEN * seen.ttl}


def _key(lock_id: str, record: Record) -> tuple[str, str]:
    return (record.holder, "") if record.holder else (record.owner, lock_id)
