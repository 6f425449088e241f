"""As few sessions as the elections of a backend need, where a session is one candidate of each election."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Sessions"]


class _Session(Protocol):
    def join(self, *args: Any, **kwargs: Any) -> bool: ...


S = TypeVar("S", bound=_Session)


class Sessions(Generic[S]):
    """
    The sessions of a backend: as a rule one, and another for a second elector of the same election. Thread-safe.

    A lock of Consul is a session's, and a key on a lease of etcd is named by the lease: of two electors in one election
    that shared it, each would take the other's claim for its own (P1).

    Args:
        make: Makes another session. No I/O. A session has a method `join`, which takes an elector in, or returns False
            if it has one of that election.
    """

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._sessions: list[S] = []

    def join(self, *who: object) -> S:
        """Return the first session whose `join`, called with *who*, takes the elector in."""
        with self._lock:
            for session in self._sessions:
                if session.join(*who):
                    return session
            session = self._make()
            session.join(*who)
            self._sessions.append(session)
            return session

    def take(self) -> list[S]:
        """Return all sessions, and forget them: they are to be ended."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        return sessions
