"""One session for the elections of a backend: created when needed, renewed for all, replaced when it has died."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from incumbent import BackendUnavailableError, ElectionError
from incumbent.toolkit import KeepAlive, Renewal, deadline

from ._client import Client
from ._layout import Pair

__all__ = ["Holder", "Session", "SessionKind", "Verified"]

#: Keys that are looked after because a late request may lock them yet: as many as one transaction reads.
MOST_DOUBTFUL = 64


@dataclass(frozen=True, slots=True)
class Verified:
    """What a renewal has shown."""

    #: The session that was renewed; None if it is gone.
    session: str | None
    #: The keys that were read after that, whether they exist or not.
    keys: frozenset[str] = frozenset()
    pairs: Mapping[str, Pair] = field(default_factory=dict)


class Holder(Protocol):
    """An elector, as its session sees it."""

    @property
    def key(self) -> str:
        """The key that it locks."""

    @property
    def may_hold(self) -> bool:
        """Whether it may have the key locked."""

    @property
    def waits(self) -> bool:
        """Whether it has a place in the queue."""

    def session_died(self, session: str) -> None:
        """Take it that what *session* held is lost."""

    def look(self) -> None:
        """Give up what nobody asks for any more."""


class Session:
    """
    A session, or rather one after the other. Thread-safe.

    Args:
        client: Asks the servers.
        how: Creates, renews and ends sessions.
        clock: `BackendSettings.clock`.
        ttl: The ttl of the elections, seconds.
    """

    def __init__(self, client: Client, how: SessionKind, clock: Callable[[], float], ttl: float) -> None:
        self._client = client
        self._how = how
        self._clock = clock
        self._interval = ttl / 3
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._holders: set[Holder] = set()
        self._id: str | None = None
        self._renewed = 0.0
        #: Keys that a request of who has left may lock yet, however late it arrives, and the keys of their elections.
        self._doubtful: dict[str, str] = {}
        #: Those of them that were asked to be unlocked or removed, and are not known to be.
        self._ending: dict[str, str] = {}
        self.keep_alive: KeepAlive[Verified] = KeepAlive(
            self._renew, clock, interval=self._interval, share=ttl / 50, name="incumbent-consul-session"
        )

    def join(self, holder: Holder) -> bool:
        """
        Let *holder* use this session, unless it has an elector of the same election: a session is one candidate.

        Nor while a lock that nobody answers for is being given up: *holder* would take it for its own.
        """
        with self._lock:
            if holder.key in self._ending.values() or holder.key in self._elections():
                return False
            self._holders.add(holder)
            return True

    def leave(self, holder: Holder, *, doubt: Iterable[str] = (), ending: Iterable[str] = ()) -> None:
        """
        Let *holder* go, and end the session if it was the last.

        Args:
            holder: An elector that leaves the election.
            doubt: Keys that an attempt of it without an answer may lock yet; they are unlocked then.
            ending: Keys that it tried to unlock, or to remove, and had no answer.
        """
        with self._lock:
            self._holders.discard(holder)
            if not self._holders:
                session = self._let_go()  # and who joins now gets another
            else:
                session = None
                self._doubtful.update((key, holder.key) for key in (*doubt, *ending))
                self._ending.update((key, holder.key) for key in ending)
                for key in list(self._doubtful)[:-MOST_DOUBTFUL]:
                    del self._doubtful[key]
                    self._ending.pop(key, None)
        self._finish(session)

    def current(self) -> str:
        """Return the session's id. A session is created if there is none, and renewed if it has been idle."""
        until = deadline(self._client.pool.timeout)
        if not self._making.acquire(timeout=max(0.0, until - time.monotonic())):
            raise BackendUnavailableError("consul: no session yet: the request for one has not been answered")
        try:
            session = self._id
            if session is None:
                began = self._clock()
                session = self._how.create()
                with self._lock:
                    is_needed = bool(self._holders)
                    if is_needed:
                        self._id, self._renewed = session, began
                        self._doubtful, self._ending = {}, {}  # a request that names the last one does nothing
                if not is_needed:
                    self._finish(session)
                    raise BackendUnavailableError("consul: the session came when nobody needed it any more")
                return session
        finally:
            self._making.release()
        idle = self._clock() - self._renewed > self._interval
        if idle and self.keep_alive.renewal(self._renewed).answer.session is None:
            return self.current()
        return session

    def keep(self) -> None:
        """Keep the session alive until no elector holds or waits any more."""
        with self._lock:
            if self._holders:
                self.keep_alive.start(self._look)

    def died(self, session: str) -> None:
        """Take it that *session* is gone: its electors are told, and the next one who needs it creates another."""
        with self._lock:
            if self._id != session:
                return
            self._id = None
            holders = list(self._holders)
        for holder in holders:
            holder.session_died(session)

    def close(self) -> None:
        """End the session, if the servers answer. Idempotent; never raises."""
        with self._lock:
            session = self._let_go()
        self._finish(session)

    def _let_go(self) -> str | None:
        """Forget the session, and return it. With the lock held."""
        self.keep_alive.stop()
        session, self._id = self._id, None
        return session

    def _finish(self, session: str | None) -> None:
        if session is not None:
            with suppress(ElectionError):  # it ends with its ttl
                self._how.end(session)

    def _elections(self) -> set[str]:
        return {holder.key for holder in self._holders}

    # ------------------------------------------------------------ renewing

    def _renew(self) -> Verified:
        session, began = self._id, self._clock()
        if session is None:
            return Verified(None)
        if not self._how.renew(session):
            self.died(session)
            return Verified(None)
        with self._lock:
            keys = frozenset(holder.key for holder in self._holders if holder.may_hold)
        pairs = self._client.get_many(sorted(keys)) if keys else {}
        # What a session had locked is free at the moment in which it ends.
        if not any(pair.session == session for pair in pairs.values()) and not self._how.lives(session):
            self.died(session)
            return Verified(None)
        self._renewed = max(self._renewed, began)
        with suppress(ElectionError):  # it concerns nobody who asks for this renewal
            self._give_up(session)
        return Verified(session, keys, pairs)

    def _give_up(self, session: str) -> None:
        """Unlock what a late request of who has left has locked."""
        with self._lock:
            here = self._elections()
            doubtful = {key: election for key, election in self._doubtful.items() if election not in here}
        if not doubtful:
            return
        pairs = self._client.get_many(sorted(doubtful))
        for key, election in doubtful.items():
            pair = pairs.get(key)
            with self._lock:
                if pair is None or pair.session != session:
                    self._ending.pop(key, None)
                    continue
                if election in self._elections():
                    continue  # it has joined meanwhile, and takes it for its own
                self._ending[key] = election
            self._client.unlock(key, session, pair.flags, modify_index=pair.modify_index, remove=True)

    def _look(self, renewal: Renewal[Verified] | None) -> None:  # noqa: ARG002 - its looks do not depend on it
        with self._lock:
            holders = list(self._holders)
        for holder in holders:
            holder.look()
        with self._lock:  # who comes now waits with `keep`
            if not any(holder.may_hold or holder.waits for holder in self._holders):
                self.keep_alive.stop()


class SessionKind(Protocol):
    """How sessions are made to last: by a ttl of their own, or by a check of an agent."""

    def create(self) -> str:
        """Create a session, and return its id."""

    def renew(self, session: str) -> bool:
        """Make it last for another ttl; False if it is known to be gone."""

    def lives(self, session: str) -> bool:
        """Tell, after `renew`, whether it lives. Not asked where a key shows that: it may cost a request."""

    def end(self, session: str) -> None:
        """End it."""
