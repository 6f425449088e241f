"""
How long other sessions have been silent, on this process's own clock.

A session that shows the same beat for a ttl has not been renewed for a ttl. That needs no clock but ours, which counts
suspension: a server's clock may step, and a standby that takes over may have any (P1).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from incumbent import boottime

from ._layout import Entry

__all__ = ["Sightings"]


@dataclass(frozen=True, slots=True)
class _Sighting:
    # What one server shows says nothing of another: its successor may lack renewals, and what a waiter has seen of the
    # former must not shorten the ttl from the last one that had an answer.
    server: str
    beat: str
    since: float


class Sightings:
    """When each session was first seen as it is now. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = boottime) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, _Sighting] = {}

    def saw(self, entry: Entry) -> float:
        """Note what has just been read; return the seconds after which it has been silent for its ttl, 0 at least."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(entry.session)
            if seen is None or (seen.server, seen.beat) != (entry.server, entry.beat):
                seen = self._seen[entry.session] = _Sighting(entry.server, entry.beat, now)
            return max(0.0, seen.since + entry.ttl - now)

    def keep(self, sessions: Collection[str]) -> None:
        """Forget all others."""
        with self._lock:
            self._seen = {session: seen for session, seen in self._seen.items() if session in sessions}
