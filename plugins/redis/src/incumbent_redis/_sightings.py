"""What has been seen, and for how long it has not changed: the only clock that ends a claim is that of who waits."""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import dataclass

from incumbent import boottime

__all__ = ["Guard", "Sight", "milliseconds", "number"]

_log = logging.getLogger("incumbent.redis")


def milliseconds(seconds: float) -> str:
    """Return *seconds* as the scripts take them."""
    return str(int(seconds * 1000))


def number(text: bytes) -> int:
    """Return what a script has answered; 0 for what somebody else has written."""
    try:
        return int(text)
    except ValueError:
        return 0


class Guard:
    """
    Since when this process has known the mark of the server's guard. Thread-safe.

    A mark that has been known for a ttl means: no claim that the server may have forgotten, in a restart, a fail-over
    or by FLUSHALL, is believed by anybody any more.

    Args:
        ttl: Of the claims, seconds.
        where: The server, for the log.
    """

    def __init__(self, ttl: float, where: str) -> None:
        self._ttl = ttl
        self._where = where
        self._lock = threading.Lock()
        self._mark = self._told = ""
        self._since = 0.0

    @property
    def since(self) -> float:
        """Since when the mark has been known, on `boottime`."""
        with self._lock:
            return self._since

    def arguments(self) -> list[str]:
        """Return the first four ARGV of the scripts that need the guard. Call it before the request is sent."""
        with self._lock:
            known = boottime() - self._since if self._mark else 0.0
            return [secrets.token_hex(8), self._mark, milliseconds(known), milliseconds(self._ttl)]

    def saw(self, mark: bytes, proven: bytes) -> float | None:
        """Take note of an answer; return when a claim can be granted, on `boottime`, or None if it can be now."""
        with self._lock:
            if self._mark != mark.decode():
                self._mark, self._since = mark.decode(), boottime()
            return None if number(proven) >= int(milliseconds(self._ttl)) else self._since + self._ttl

    def tell(self, young_until: float) -> None:
        """Log, once for each mark, that nobody is elected before *young_until*: else all would wait in silence."""
        with self._lock:
            is_told, self._told = self._told == self._mark, self._mark
        if not is_told:
            _log.warning(
                "%s: the server is new to elections, or was restarted, emptied or promoted: nobody is elected for "
                "another %.1f s",
                self._where,
                max(0.0, young_until - boottime()),
            )


@dataclass(slots=True)
class Sight:
    """The claim of another on one election, as it was seen last."""

    claim: bytes = b""
    beat: bytes = b""
    ttl: float = 0.0
    #: When it was first seen like this, on `boottime`, read after the answer had arrived.
    since: float = 0.0
    #: When an attempt may succeed, on `boottime`; None while nothing is known.
    due: float | None = None

    def saw(self, claim: bytes, beat: bytes, ttl: bytes, now: float, young_until: float | None) -> None:
        """Take note of what the store has answered at *now*; before *young_until* nobody can be elected."""
        if (self.claim, self.beat) != (claim, beat):
            self.claim, self.beat, self.since = claim, beat, now
        self.ttl = number(ttl) / 1000
        free = self.since + self.ttl if claim else now
        self.due = free if young_until is None else max(free, young_until)

    def silent(self, now: float, known_since: float) -> tuple[bytes, bytes]:
        """
        Return claim and beat if they have not changed for their ttl, or nothing.

        Args:
            now: On `boottime`.
            known_since: `Guard.since`: a server that lacks renewals can show a beat that its predecessor has shown.
        """
        if self.claim and now - max(self.since, known_since) >= self.ttl:
            return self.claim, self.beat
        return b"", b""
