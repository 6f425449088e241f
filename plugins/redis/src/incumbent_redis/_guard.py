"""Since when this process has known the server as it is now: what that may have forgotten is waited for."""

from __future__ import annotations

import logging
import secrets
import threading

from incumbent import boottime

__all__ = ["Guard", "milliseconds", "number"]

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
