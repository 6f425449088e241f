"""One session for the elections of a backend: created when needed, renewed for all, replaced when it has died."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from incumbent import BackendUnavailableError, ElectionError, KeepAlive, Renewal

from ._answers import Pair
from ._client import Client

__all__ = ["Holder", "Session", "Verified"]


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

    def close(self) -> None:
        """Give up everything. Never raises."""


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
        self._doubtful: dict[str, float] = {}
        self.keep_alive: KeepAlive[Verified] = KeepAlive(
            self._renew, clock, interval=self._interval, share=ttl / 50, name="incumbent-consul-session"
        )

    def serves(self, key: str) -> bool:
        """Tell whether one of its electors is a candidate for *key*: a session is one candidate."""
        with self._lock:
            return any(holder.key == key for holder in self._holders)

    def join(self, holder: Holder) -> None:
        """Let *holder* use this session."""
        with self._lock:
            self._holders.add(holder)

    def leave(self, holder: Holder, *, doubt: bool) -> None:
        """
        Let *holder* go, and end the session if it was the last.

        Args:
            holder: An elector that leaves the election.
            doubt: Its last attempt had no answer, and may lock the key yet; it is unlocked then.
        """
        with self._lock:
            self._holders.discard(holder)
            last = not self._holders
            if doubt:
                self._doubtful[holder.key] = self._clock() + 6 * self._interval
        if last:
            self.close()

    def current(self) -> str:
        """Return the session's id. A session is created if there is none, and renewed if it has been idle."""
        if not self._making.acquire(timeout=self._client.pool.timeout):
            raise BackendUnavailableError("consul: no session yet: the request for one has not been answered")
        try:
            session = self._id
            if session is None:
                began = self._clock()
                session = self._how.create()
                with self._lock:
                    self._id, self._renewed = session, began
                return session
        finally:
            self._making.release()
        idle = self._clock() - self._renewed > self._interval
        if idle and self.keep_alive.renewal(self._renewed).answer.session is None:
            return self.current()
        return session

    def keep(self) -> None:
        """Keep the session alive until no elector holds or waits any more."""
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

    def end(self) -> None:
        """Have the electors give up what they have, so that no lock-delay follows, and end the session."""
        with self._lock:
            holders = list(self._holders)
        for holder in holders:
            holder.close()
        self.close()

    def close(self) -> None:
        """End the session, if the servers answer. Idempotent; never raises."""
        self.keep_alive.stop()
        with self._lock:
            session, self._id = self._id, None
        if session is not None:
            with suppress(ElectionError):  # it ends with its ttl
                self._how.end(session)

    # ------------------------------------------------------------ renewing

    def _renew(self) -> Verified:
        session, began = self._id, self._clock()
        if session is None:
            return Verified(None)
        if not self._how.renew(session):
            self.died(session)
            return Verified(None)
        self._renewed = max(self._renewed, began)
        with self._lock:
            self._doubtful = {key: until for key, until in self._doubtful.items() if until > began}
            keys = frozenset(holder.key for holder in self._holders if holder.may_hold)
            orphans = frozenset(self._doubtful) - {holder.key for holder in self._holders}
        pairs = self._client.get_many(sorted(keys | orphans)) if keys or orphans else {}
        for pair in pairs.values():
            if pair.key in orphans and pair.session == session:
                self._client.unlock(pair.key, session, pair.flags, modify_index=pair.modify_index, remove=True)
        return Verified(session, keys, pairs)

    def _look(self, renewal: Renewal[Verified] | None) -> None:  # noqa: ARG002 - its looks do not depend on it
        with self._lock:
            holders = list(self._holders)
        for holder in holders:
            holder.look()
        if not any(holder.may_hold or holder.waits for holder in holders):
            self.keep_alive.stop()
            if any(holder.may_hold or holder.waits for holder in holders):  # meanwhile
                self.keep()


class SessionKind(Protocol):
    """How sessions are made to last: by a ttl of their own, or by a check of an agent."""

    def create(self) -> str:
        """Create a session, and return its id."""

    def renew(self, session: str) -> bool:
        """Make it last for another ttl; False if it is gone."""

    def end(self, session: str) -> None:
        """End it."""
