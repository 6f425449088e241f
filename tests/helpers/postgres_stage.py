"""A stage for the tests on PostgreSQL: waiting with a deadline, and a look at what the server is asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from incumbent import BackendSettings, BackendUnavailableError, Claim, LeaderElector
from incumbent_postgres._server import Postgres

__all__ = ["PATIENCE", "REQUEST_TIMEOUT", "TTL", "Postgres", "connections", "eventually", "lead", "settings"]

T = TypeVar("T")

TTL, REQUEST_TIMEOUT = 2.0, 0.8
#: Seconds after which something that happens by itself has not happened.
PATIENCE = 30.0


def settings(ttl: float = TTL, request_timeout: float = REQUEST_TIMEOUT) -> BackendSettings:
    return BackendSettings(ttl, request_timeout)


def eventually(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer of *what*; fail if there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.02)


def lead(elector: LeaderElector, seconds: float = PATIENCE) -> Claim:
    """Try until *elector* leads, whatever fails meanwhile."""

    def attempt() -> Claim | None:
        try:
            return elector.acquire_leadership()
        except BackendUnavailableError:
            return None

    claim = eventually(attempt, seconds)
    assert claim is not None
    return claim


def connections(server: Postgres) -> int:
    """Count the connections of electors."""
    ((count,),) = server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'incumbent'")
    return int(count)
