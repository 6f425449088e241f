"""One candidate of one election: what it holds, what it waits for, and whom it tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incumbent import BackendUnavailableError, Claim, ElectionError, InvalidStateError, LeaderElector, LeaderRecord

from ._client import Pair, SessionGoneError
from ._queue import FLAGS, Keys
from ._watch import REMIND

if TYPE_CHECKING:
    from ._backend import ConsulBackend
    from ._session import Session

__all__ = ["ConsulElector"]


@dataclass(slots=True)
class _Held:
    """A claim: the key is locked by *session* since *token*, and was last seen at *index*."""

    session: str
    token: int
    index: int
    #: The clock when that was known: only a renewal that began later says something new.
    known: float
    #: It was given up behind the engine's back, which is to be told when it asks.
    over: bool = False


class ConsulElector(LeaderElector):
    """One candidate. Its claim is the lock on the election's key, by the session that its backend's electors share."""

    def __init__(self, lock_id: str, candidate: str, backend: ConsulBackend, keys: Keys) -> None:
        super().__init__(lock_id, candidate, backend.capabilities)
        self._backend = backend
        self._client = backend.client
        self._clock = backend.settings.clock
        self._keys = keys
        self._watcher = backend.watcher_for(keys)
        self._state = threading.RLock()
        self._closed = False
        self._held: _Held | None = None
        #: A claim of a term that is over, which may still be there: it must not be taken for a new term's.
        self._leftover: _Held | None = None
        #: The session by which an attempt without an answer may have locked the key.
        self._doubt: str | None = None
        #: The session that has a place in the queue for this candidate, and the place before it.
        self._place: str | None = None
        self._ahead: str | None = None
        #: Since when it has been told that it may lead, without asking.
        self._called: float | None = None
        self._told: tuple[object, float] = (None, 0.0)
        self._shown: object = None
        self._observes = False
        #: The index of the key when this candidate unlocked it.
        self._left: int | None = None
        #: Chosen by the first attempt: some electors are made only to try whether they can be.
        self._shared: Session | None = None

    @property
    def key(self) -> str:
        """The key that it locks."""
        return self._keys.lock

    # ------------------------------------------------------------ the contract

    def acquire_leadership(self) -> Claim | None:
        """Lock the key if nobody has; else take a place in the queue, which says only who tries first."""
        self._check_open()
        self._called = None
        if self._held is not None:
            claim = self.check_leadership()
            if claim is not None:
                return claim
        session = self._session.current()
        try:
            return self._attempt(session)
        except SessionGoneError:
            self._session.died(session)
            session = self._session.current()
        try:
            return self._attempt(session)
        except SessionGoneError as error:
            self._session.died(session)
            raise BackendUnavailableError("consul ended a session that was just created") from error

    def check_leadership(self) -> Claim | None:
        """Renew the session, and read the key after that: a renewal alone proves nothing."""
        self._check_open()
        held = self._require_claim()
        if held.over:
            self._held = None
            return None
        renewal = self._session.keep_alive.renewal(held.known)
        verified = renewal.answer
        pair = verified.pairs.get(self.key)
        if verified.session == held.session and self.key not in verified.keys:
            raise BackendUnavailableError("consul: the claim was not part of the renewal")
        with self._state:
            if self._held is not held:
                return None
            if held.over or pair is None or verified.session != held.session or pair.session != held.session:
                self._held = None
            else:
                held.index = pair.modify_index
                held.known = max(held.known, renewal.sent)
                return Claim(held.token, self._backend.guarantee, renewal.sent)
        self._refollow()
        return None

    def relinquish_leadership(self) -> bool:
        """Unlock the key, if it is still locked by this candidate's session as it was."""
        self._check_open()
        held = self._require_claim()
        if held.over:
            self._clear_up()
        released = not held.over and self._unlock(held, remove=False)
        with self._state:
            self._held = None
        self._refollow()
        return released

    def observe_leadership(self) -> LeaderRecord:
        """Read the key and the queue."""
        self._check_open()
        found = self._client.trees(self._keys.both)
        with self._state:
            self._observes = True
            self._shown = _signature(found.get(self.key))
        self._watcher.follow(self)
        return self._keys.record(self.lock_id, found)

    def close(self) -> None:
        """Leave the queue, unlock the key, and let the session go if it serves nobody else."""
        if not self._client.pool.here:
            return
        with self._state:
            self._closed = True
        self._watcher.leave(self)
        with self._client.pool.limited(self._client.pool.timeout):
            doubt = self._leave()
            if self._shared is not None:
                self._shared.leave(self, doubt=doubt)

    # ------------------------------------------------------------ attempts

    def _attempt(self, session: str) -> Claim | None:
        self._clear_up()
        sent = self._clock()  # before the request (P2)
        lock = self._client.get(self.key)
        self._keys.check(lock)
        if lock is not None and lock.session == session:
            return self._lead(session, lock, sent)  # an attempt without an answer did lock it
        if lock is None or lock.session is None:
            claim = self._lock(session, 0 if lock is None else lock.modify_index)
            if claim is not None:
                return claim
        self._line_up(session)
        return None

    def _lock(self, session: str, index: int) -> Claim | None:
        with self._state:
            if self._closed:
                raise InvalidStateError("this elector has been closed")
            before, self._doubt = self._doubt, session
        sent = self._clock()
        place = self._keys.place(session)
        try:
            result = self._client.lock(self.key, session, self.candidate, FLAGS, modify_index=index, leave=place)
        except SessionGoneError:
            self._doubt = None
            raise
        if isinstance(result, str) or result.session != session:
            self._doubt = before
            return None
        return self._lead(session, result, sent)

    def _lead(self, session: str, lock: Pair, sent: float) -> Claim:
        with self._state:
            self._held = _Held(session, lock.modify_index, lock.modify_index, self._clock())
            self._doubt = self._place = self._ahead = self._left = None
        self._session.keep()
        self._watcher.follow(self)
        return Claim(lock.modify_index, self._backend.guarantee, sent)

    def _line_up(self, session: str) -> None:
        """Take a place in the queue, unless there is one."""
        if self._place != session:
            if not self._client.acquire(self._keys.place(session), session, self.candidate):
                raise BackendUnavailableError("consul: no place in the queue")
            with self._state:
                self._place = session
            self._session.keep()
            self._look_ahead(self._client.trees(self._keys.both))
        self._watcher.follow(self)

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
        with self._state:
            if mine not in found or found[mine].session != session:
                self._place = None  # somebody has deleted it
            self._ahead = ahead
        for pair in dead:
            with suppress(ElectionError):
                self._client.delete(pair.key, pair.modify_index)

    # ------------------------------------------------------------ giving up

    def _clear_up(self) -> None:
        """Unlock what a term that is over may have left locked."""
        leftover = self._leftover
        if leftover is not None:
            self._unlock(leftover, remove=False)
            self._leftover = None

    def _unlock(self, held: _Held, *, remove: bool) -> bool:
        """Unlock the key if it is locked by *held*. What arrives late cannot end a later term: see `Client.unlock`."""
        for _ in range(2):
            with suppress(SessionGoneError):
                result = self._client.unlock(self.key, held.session, FLAGS, modify_index=held.index, remove=remove)
                if isinstance(result, Pair):
                    self._left = None if remove else result.modify_index
                    return True
            lock = self._client.get(self.key)
            if lock is None or lock.session != held.session:
                return False
            held.index = lock.modify_index  # somebody has written to the key, and left it locked
        raise BackendUnavailableError("consul: the key is written to all the time")

    def _leave(self) -> bool:
        """Give up all there is; return whether it is unknown what there is. Never raises."""
        with self._state:
            held, self._held = self._held or self._leftover, None
            self._leftover = None
            place, self._place, self._ahead = self._place, None, None
            doubt, self._doubt = self._doubt, None
            left, self._left = self._left, None
        if held is not None:
            with suppress(ElectionError):
                self._unlock(held, remove=True)
        if doubt is not None:
            with suppress(ElectionError):
                lock = self._client.get(self.key)
                if lock is not None and lock.session == doubt:
                    self._unlock(_Held(doubt, lock.modify_index, lock.modify_index, 0.0), remove=True)
        if place is not None:
            with suppress(ElectionError):
                self._client.delete(self._keys.place(place))
        if left is not None:
            with suppress(ElectionError):
                self._client.delete(self.key, left)  # unless somebody has used it since
        return doubt is not None

    # ------------------------------------------------------------ for the session

    @property
    def may_hold(self) -> bool:
        """Whether it may have the key locked."""
        held = self._held
        return (held is not None and not held.over) or self._doubt is not None or self._leftover is not None

    @property
    def waits(self) -> bool:
        """Whether it has a place in the queue."""
        return self._place is not None

    def session_died(self, session: str) -> None:
        """Ask the engine to look: what *session* held is lost."""
        with self._state:
            if self._doubt == session:
                self._doubt = None
            if self._leftover is not None and self._leftover.session == session:
                self._leftover = None
            if self._place == session:
                self._place = self._ahead = None
            concerned = self._held is None or self._held.session == session
        if concerned:
            self.notify()

    def look(self) -> None:
        """Give up what the engine does not ask for any more: while it hangs, the session is renewed all the same."""
        now, ttl = self._clock(), self._backend.settings.ttl
        with self._state:
            held = self._held
            silent = held is not None and not held.over and now - held.known > ttl
            deaf = self._place is not None and self._called is not None and now - self._called > ttl
            if not silent and not deaf and self._leftover is None:
                return
            self._called = None
            if silent and held is not None:
                held.over, self._leftover = True, held
            place = None
            if silent or deaf:
                place, self._place, self._ahead = self._place, None, None
        with suppress(ElectionError):
            self._clear_up()
            if place is not None:
                self._client.delete(self._keys.place(place))
        self._refollow()
        self.notify()

    # ------------------------------------------------------------ for the watcher

    def wanted(self) -> frozenset[str]:
        """Return the keys whose changes matter now."""
        with self._state:
            keys = set()
            if self.may_hold or self._observes or (self._place is not None and self._ahead is None):
                keys.add(self.key)
            if self._held is None and self._place is not None and self._ahead is not None:
                keys.add(self._ahead)
            return frozenset(keys)

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
        signature = _signature(lock)
        remind = False
        with self._state:
            tell = False
            held = self._held
            if held is not None and not held.over:
                tell = (lock is None or lock.session != held.session) and self._is_news("lost", signature)
            elif self._place is not None and self._ahead is None and (lock is None or lock.session is None):
                tell = self._is_news("free", signature)
                remind = True
                self._called = self._clock() if self._called is None else self._called
            if self._observes and self.key in self.wanted() and signature != self._shown:
                self._shown, tell = signature, True
        if tell:
            self.notify()
        return remind

    def outage(self) -> None:
        """Ask the engine to look."""
        self.notify()

    def _is_news(self, what: str, signature: object) -> bool:
        """Tell whether this was not told just before: nobody hears of the end of a lock-delay, so it is told again."""
        now = time.monotonic()
        told, at = self._told
        if told == (what, signature) and now - at < 0.8 * REMIND:
            return False
        self._told = (what, signature), now
        return True

    def _refollow(self) -> None:
        if self.wanted():
            self._watcher.follow(self)
        else:
            self._watcher.leave(self)

    # ------------------------------------------------------------ inside

    @property
    def _session(self) -> Session:
        if self._shared is None:
            self._shared = self._backend.session_for(self)
        return self._shared

    def _check_open(self) -> None:
        self._client.pool.check_process()
        if self._closed:
            raise InvalidStateError("this elector has been closed")

    def _require_claim(self) -> _Held:
        held = self._held
        if held is None:
            raise InvalidStateError
        return held


def _signature(lock: Pair | None) -> object:
    return None if lock is None else (lock.session, lock.modify_index)
