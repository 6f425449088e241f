"""A stage for the tests on Redis: servers, waiting with a deadline, and what is in the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import redis

from incumbent import BackendSettings, BackendUnavailableError, Claim, LeaderElector, open_backend
from incumbent_redis._server import Server

__all__ = ["Server", "client", "come_of_age", "eventually", "keys", "lead", "settings", "url"]

T = TypeVar("T")

#: Short, so that a fail-over is not waited for long; the requests have time enough on a slow machine.
TTL, REQUEST_TIMEOUT = 2.0, 0.6
#: Seconds after which something that happens by itself has not happened.
PATIENCE = 30.0


def settings(ttl: float = TTL, request_timeout: float = REQUEST_TIMEOUT) -> BackendSettings:
    return BackendSettings(ttl, request_timeout)


def url(server: Server, options: str = "") -> str:
    return f"redis://127.0.0.1:{server.port}{options}"


def client(server: Server, **options) -> redis.Redis:
    """Return an ordinary client, as an administrator has one."""
    return redis.Redis(port=server.port, decode_responses=True, protocol=2, socket_timeout=PATIENCE, **options)


def eventually(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer of *what*; fail if there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.02)


def attempt(elector: LeaderElector) -> Claim | None:
    """Ask once; an outage is no claim."""
    try:
        return elector.acquire_leadership()
    except BackendUnavailableError:
        return None


def lead(elector: LeaderElector, seconds: float = PATIENCE) -> Claim:
    """Try until *elector* leads, whatever fails meanwhile."""
    claim = eventually(lambda: attempt(elector), seconds)
    assert claim is not None
    return claim


def come_of_age(server: Server, ttl: float = TTL, options: str = "") -> None:
    """Wait until elections can be held on *server*: it has been known for a ttl."""
    backend = open_backend(url(server, options), settings(ttl, 10.0))
    elector = backend.elector("coming of age", "stage")
    lead(elector)
    elector.close()
    backend.close()


def keys(server: Server) -> set[str]:
    """Return the names of all keys."""
    with client(server) as asking:
        return set(asking.keys())
