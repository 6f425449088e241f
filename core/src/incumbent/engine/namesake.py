"""Another candidate with this one's id: told apart from a predecessor, whose claim may outlast it."""

from __future__ import annotations

from math import inf

__all__ = ["Namesake"]

#: What Consul may keep a claim for beyond its ttl, which it may double, seconds: the longest lock-delay.
LOCK_DELAY = 60.0


class Namesake:
    """
    Notices that others lead by the id of *candidate* for longer than a claim lasts that nobody renews.

    Only time in which it was looked counts: in an outage, or a suspension, a claim may outlast its ttl.
    """

    def __init__(self, candidate: str, ttl: float) -> None:
        self._candidate = candidate
        self._ttl = ttl
        self._led, self._looked = 0.0, inf

    def saw(self, leader: str | None, now: float) -> float | None:
        """Note who else leads; the first time that it must be a namesake, return for how long that has been seen."""
        if leader != self._candidate:
            self._led, self._looked = min(self._led, 0.0), inf
            return None
        self._led += min(max(0.0, now - self._looked), self._ttl)
        self._looked = now
        if self._led <= 4 * self._ttl + LOCK_DELAY:
            return None
        led, self._led = self._led, -inf  # once
        return led
