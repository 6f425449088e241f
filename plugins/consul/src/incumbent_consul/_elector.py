"""One candidate of one election: how it tries, what it holds, and how it lets go."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from incumbent import BackendUnavailableError, Claim, ElectionError, LeaderRecord
from incumbent.toolkit import join_info

from ._errors import SessionGoneError
from ._layout import FLAGS, Pair, testament_of
from ._waiting import Held, Waiting, signature

if TYPE_CHECKING:
    from ._session import Session

__all__ = ["ConsulElector"]


class ConsulElector(Waiting):
    """One candidate. Its claim is the lock on the election's key, by the session that its backend's electors share."""

    # ------------------------------------------------------------ what the verbs come down to

    def acquire_leadership(self) -> Claim | None:
        """Lock the key if nobody has; else take a place in the queue, which says only who tries first."""
        claim = super().acquire_leadership()
        if claim is not None:
            self._session.keep()  # if there is no thread to be had, the next attempt tries again
            self._follow()
        return claim

    def _campaign(self) -> Claim | None:
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

    def _renew(self, token: int) -> Claim | None:
        """Renew the session, and read the key after that: a renewal alone proves nothing."""
        held = self._held
        if held is None or held.over:
            self._held = None
            return None
        renewal = self._session.keep_alive.renewal(self._evidence)
        verified = renewal.answer
        pair = verified.pairs.get(self.key)
        if verified.session == held.session and self.key not in verified.keys:
            raise BackendUnavailableError("consul: the claim was not part of the renewal")
        with self._lock:
            if self._held is not held:
                return None
            if held.over or pair is None or verified.session != held.session or pair.session != held.session:
                self._held = None
            else:
                held.index = pair.modify_index
                return self._claim(token, held, renewal.sent)
        self._refollow()
        return None

    def _release(self, token: int) -> bool:  # noqa: ARG002 - the index of the key is the term's
        """Unlock the key, if it is still locked by this candidate's session as it was."""
        held = self._held
        if held is None or held.over:
            self._clear_up()
        released = held is not None and not held.over and self._unlock(held, remove=False)
        with self._lock:
            self._held = None
        self._refollow()
        return released

    def _observe(self) -> LeaderRecord:
        """Read the key and the queue."""
        found = self._client.trees(self._keys.both)
        if self.key not in found:  # trees leave out, without a word, what may not be read; a single key is refused
            found |= self._client.get_many([self.key])
        with self._lock:
            self._observes = True
            self._shown = signature(found.get(self.key))
            self._know(found)
        self._follow()
        return self._keys.record(self.lock_id, found)

    def _leave(self, *, is_late: bool) -> None:  # noqa: ARG002 - what may be late is known in `_late`
        """Leave the queue, unlock the key, and let the session go if it serves nobody else."""
        self._watcher.leave(self)
        doubt, ending = self._give_up()
        if self._shared is not None:
            self._shared.leave(self, doubt=doubt, ending=ending)

    # ------------------------------------------------------------ attempts

    def _attempt(self, session: str) -> Claim | None:
        self._clear_up()
        with self._lock:
            free, self._free = self._free, None
            is_led = self._observes and self._shown is not None and self._shown[0] not in (None, session)
            self._observes = False  # until it looks again, only its place in the queue is news
        if is_led and self._place is None and self._doubt is None:
            self._line_up(session)  # it has stood aside, and has just seen another lead
            return None
        if free is not None:  # what the watcher has read need not be read again: it is locked as it was, or not at all
            self._keys.check(free)
            claim = self._lock_key(session, free.modify_index)
            if claim is not None:
                return claim
        sent = self._clock()  # before the request (P2)
        lock = self._client.get(self.key)
        self._keys.check(lock)
        if lock is not None and lock.session == session:
            return self._lead(session, lock, sent)  # an attempt without an answer did lock it
        if lock is None or lock.session is None:
            claim = self._lock_key(session, 0 if lock is None else lock.modify_index)
            if claim is not None:
                return claim
        self._line_up(session)
        return None

    def _lock_key(self, session: str, index: int) -> Claim | None:
        place = self._keys.place(session)
        with self._asking(session):
            before, self._doubt = self._doubt, session
            sent = self._clock()
            try:
                value = join_info(self.candidate, self.info)
                result = self._client.lock(
                    self.key, session, value, FLAGS, modify_index=index, leave=place, since=time.time()
                )
            except SessionGoneError:
                self._doubt = None
                raise
            # What was asked twice is refused the second time, and done all the same.
            lock = result if isinstance(result, Pair) else self._client.get(self.key)
        if lock is None or lock.session != session:
            self._doubt = before
            return None
        return self._lead(session, lock, sent)

    def _lead(self, session: str, lock: Pair, sent: float) -> Claim:
        with self._lock:
            held = self._held = Held(session, lock.modify_index)
            self._evidence = self._clock()
            self._doubt = self._place = self._ahead = self._free = self._left = None
            self._know({lock.key: lock})
        return self._claim(lock.modify_index, held, sent)

    def _claim(self, token: int, held: Held, sent: float) -> Claim:
        return Claim(token, self._guarantee, sent, testament=testament_of(held.session, held.index))

    # ------------------------------------------------------------ giving up

    def _clear_up(self) -> None:
        """Unlock what a term that is over may have left locked."""
        leftover = self._leftover
        if leftover is not None:
            self._unlock(leftover, remove=False)
            self._leftover = None

    def _unlock(self, held: Held, *, remove: bool) -> bool:
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
            with self._lock:
                if self._doubt is not None or self._held not in (None, held):
                    return False  # it was unlocked on another thread, and the engine has locked it anew
            held.index = lock.modify_index  # somebody has written to the key, and left it locked
        raise BackendUnavailableError("consul: the key is written to all the time")

    def _give_up(self) -> tuple[list[str], list[str]]:
        """
        Give up all there is. Never raises.

        Returns:
            The keys that may be locked yet, and those that may be unlocked yet.
        """
        with self._lock:
            held, self._held = self._held or self._leftover, None
            self._leftover = None
            place, self._place, self._ahead = self._place, None, None
            doubt, self._doubt = self._doubt, None
            late, self._late = self._late, None
            left, self._left = self._left, None
        ending = []
        try:
            if held is not None:
                self._unlock(held, remove=True)
            elif doubt is not None:
                lock = self._client.get(self.key)
                if lock is not None and lock.session == doubt:
                    self._unlock(Held(doubt, lock.modify_index), remove=True)
        except ElectionError:
            ending.append(self.key)
        for key in {self._keys.place(session) for session in (place, late) if session is not None}:
            try:
                self._client.delete(key)
            except ElectionError:
                ending.append(key)
        if left is not None:
            with suppress(ElectionError):
                self._client.delete(self.key, left)  # unless somebody has used it since
        return [] if late is None else [self.key, self._keys.place(late)], ending

    # ------------------------------------------------------------ for the session

    def session_died(self, session: str) -> None:
        """Ask the engine to look: what *session* held is lost."""
        with self._lock:
            if self._doubt == session:
                self._doubt = None
            if self._late == session:
                self._late = None
            if self._leftover is not None and self._leftover.session == session:
                self._leftover = None
            if self._place == session:
                self._place = self._ahead = None
            concerned = self._held is None or self._held.session == session
        if concerned:
            self.notify()

    def look(self) -> None:
        """Give up what the engine does not ask for any more: while it hangs, the session is renewed all the same."""
        with self._lock:
            held, is_silent = self._held, self._is_silent(self._ttl)
            silent = is_silent and held is not None and not held.over
            deaf = is_silent and held is None and (self.waits or self._doubt is not None)
            if not silent and not deaf and self._leftover is None:
                return
            self._owed = None
            if silent and held is not None:
                held.over, self._leftover = True, held
            elif deaf and self._doubt is not None:  # if it is locked, it is found out at which index
                self._leftover, self._doubt = Held(self._doubt, 0), None
            place = None
            if silent or deaf:
                place, self._place, self._ahead = self._place, None, None
        with suppress(ElectionError):
            self._clear_up()
            if place is not None:
                self._client.delete(self._keys.place(place))
        self._refollow()
        self.notify()

    # ------------------------------------------------------------ inside

    @property
    def _session(self) -> Session:
        if self._shared is None:
            shared = self._sessions.join(self)
            with self._lock:
                self._shared = shared
            if self._closed:  # meanwhile: `close` knew of no session
                shared.leave(self)
                self._refuse_closed()
        return self._shared
