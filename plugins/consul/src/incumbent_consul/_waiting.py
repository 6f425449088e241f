"""What a candidate waits for: its place in the queue, who is before it, and the news that its engine is told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from incumbent import BackendUnavailableError, ElectionError
from incumbent.toolkit import BackendBase, ElectorBase, Sessions, join_info

from ._client import Client
from ._errors import SessionGoneError
from ._layout import Keys, Pair
from ._session import Session
from ._watch import REMIND, Watcher, Watchers

__all__ = ["Held", "Waiting", "signature"]


@dataclass(slots=True)
class Held:
    """A claim: the key is locked by *session*, and was last seen at *index*."""

    session: str
    index: int
    #: It was given up behind the engine's back, which is to be told when it asks.
    over: bool = False


class Waiting(ElectorBase):
    """The part of a candidate that follows keys; see `ConsulElector` for what it does with them."""

    def __init__(
        self,
        lock_id: str,
        candidate: str,
        backend: BackendBase,
        *,
        client: Client,
        keys: Keys,
        sessions: Sessions[Session],
        watchers: Watchers,
        guarantee: float,
    ) -> None:
        super().__init__(lock_id, candidate, backend)
        self._client = client
        self._keys = keys
        self._sessions = sessions
        self._watchers = watchers
        self._clock = backend.settings.clock
        self._ttl = backend.settings.ttl
        #: Seconds for which the servers keep a claim.
        self._guarantee = guarantee
        self._held: Held | None = None
        #: A claim of a term that is over, which may still be there: it must not be taken for a new term's.
        self._leftover: Held | None = None
        #: The session by which an attempt without an answer may have locked the key.
        self._doubt: str | None = None
        #: The session that a request without an answer names, which may arrive at any time later.
        self._late: str | None = None
        #: The session that has a place in the queue for this candidate, and the place before it.
        self._place: str | None = None
        self._ahead: str | None = None
        #: Where keys were locked when they were read, their index: from there on they are followed.
        self._known: dict[str, int] = {}
        self._told: tuple[object, float] = (None, 0.0)
        self._shown: tuple[str | None, int] | None = None
        self._observes = False
        #: The key as it was when the watcher saw that nobody has it locked, and it is this candidate's turn.
        self._free: Pair | None = None
        #: The index of the key when this candidate unlocked it.
        self._left: int | None = None
        #: Chosen by the first attempt: some electors are made only to try whether they can be.
        self._shared: Session | None = None

    @property
    def key(self) -> str:
        """The key that it locks."""
        return self._keys.lock

    @property
    def _watcher(self) -> Watcher:
        # Asked for late: a child that was forked while somebody else did may make electors too, and is refused then.
        return self._watchers.of(self._keys)

    @property
    def may_hold(self) -> bool:
        """Whether it may have the key locked."""
        held = self._held
        return (held is not None and not held.over) or self._doubt is not None or self._leftover is not None

    @property
    def waits(self) -> bool:
        """Whether it has a place in the queue."""
        return self._place is not None

    # ------------------------------------------------------------ the queue

    def _line_up(self, session: str) -> None:
        """Take a place in the queue, unless there is one."""
        if self._place != session:
            with self._asking(session):
                text = join_info(self.candidate, None)  # only who leads tells something of itself
                taken = self._client.acquire(self._keys.place(session), session, text)
            if not taken:
                raise BackendUnavailableError("consul: no place in the queue")
            self._place = session
            if self._shared is not None:
                self._shared.keep()
            found = self._client.trees(self._keys.both)
            self._keys.check(found.get(self.key))
            self._look_ahead(found)
        self._follow()

    def _look_ahead(self, found: Mapping[str, Pair]) -> None:
        """Find out who is next before this candidate; the dead in between are removed."""
        session = self._place
        if session is None:
            return
        mine = self._keys.place(session)
        ahead, dead = None, []
        for pair in self._keys.waiting(found):
            if pair.key == mine:
                break
            if pair.session is None:
                dead.append(pair)
            else:
                ahead, dead = pair.key, []
        with self._lock:
            if mine not in found or found[mine].session != session:
                self._place = None  # somebody has deleted it
            self._ahead = ahead
            self._know(found)
        for pair in dead:
            with suppress(ElectionError):
                self._client.delete(pair.key, pair.modify_index)

    # ------------------------------------------------------------ for the watcher

    def wanted(self) -> frozenset[str]:
        """Return the keys whose changes matter now."""
        with self._lock:
            keys = set()
            if self.may_hold or self._observes or (self._place is not None and self._ahead is None):
                keys.add(self.key)
            if self._held is None and self._place is not None and self._ahead is not None:
                keys.add(self._ahead)
            return frozenset(keys)

    def known(self, key: str) -> int:
        """Return the index from which on changes of *key* matter; 0 if it matters how it is now."""
        with self._lock:
            return self._known.get(key, 0)

    def _know(self, found: Mapping[str, Pair]) -> None:
        self._known = {key: pair.modify_index for key, pair in found.items() if pair.session is not None}

    def seen(self, found: Mapping[str, Pair], prefix: str | None) -> bool:
        """Take the keys as they are, tell the engine what it should know, and return whether to be reminded soon."""
        waits = self._held is None and self._place is not None
        ahead = self._ahead
        if waits and ahead is not None and (ahead not in found or found[ahead].session is None):
            complete = prefix is not None and all(key.startswith(prefix) for key in self._keys.both)
            try:
                found = found if complete else self._client.trees(self._keys.both)
                self._look_ahead(found)
            except ElectionError:
                return True
            if self._place is None:
                self.notify()
                return False
        lock = found.get(self.key)
        state = signature(lock)
        remind = False
        with self._lock:
            tell = False
            held = self._held
            if held is not None and not held.over:
                tell = (lock is None or lock.session != held.session) and self._is_news("lost", state)
            elif self._place is not None and self._ahead is None and (lock is None or lock.session is None):
                self._free = lock
                tell = self._is_news("free", state)
                remind = True
                self._owed = self._clock() if self._owed is None else self._owed
            if self._observes and self.key in self.wanted() and state != self._shown:
                self._shown, tell = state, True
        if tell:
            self.notify()
        return remind

    def outage(self) -> None:
        """Ask the engine to look."""
        self.notify()

    def _is_news(self, what: str, state: object) -> bool:
        """Tell whether this was not told just before: nobody hears of the end of a lock-delay, so it is told again."""
        now = time.monotonic()
        told, at = self._told
        if told == (what, state) and now - at < 0.8 * REMIND:
            return False
        self._told = (what, state), now
        return True

    @contextmanager
    def _asking(self, session: str) -> Iterator[None]:
        """Remember, if the request inside the block has no answer, that it may arrive at any time."""
        with self._lock:
            self._refuse_closed()
            before, self._late = self._late, session
        try:
            yield
        except SessionGoneError:
            self._late = before
            raise
        self._late = before

    def _follow(self) -> None:
        self._watcher.follow(self)
        if self._closed:  # meanwhile
            self._watcher.leave(self)

    def _refollow(self) -> None:
        if self.wanted():
            self._follow()
        else:
            self._watcher.leave(self)


def signature(lock: Pair | None) -> tuple[str | None, int] | None:
    """Return what tells one state of the key from another."""
    return None if lock is None else (lock.session, lock.modify_index)
