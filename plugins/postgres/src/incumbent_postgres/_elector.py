"""One candidate of one election: a row in `election` while it leads."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from incumbent import Capabilities, Claim, ElectionError, InvalidStateError, LeaderElector, LeaderRecord

from ._layout import Entry
from ._session import Session
from ._sightings import Sightings
from ._store import Store
from ._watch import Interest, Watch, shown

__all__ = ["PostgresElector"]


class PostgresElector(LeaderElector):
    """See `LeaderElector` for the verbs."""

    def __init__(
        self,
        lock_id: str,
        candidate: str,
        capabilities: Capabilities,
        *,
        store: Store,
        session: Session,
        sightings: Sightings,
        watch: Watch,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(lock_id, candidate, capabilities)
        self._store = store
        self._session = session
        self._sightings = sightings
        self._watch = watch
        self._clock = clock
        #: Names our claim, in every term: it shows what an attempt without an answer has left.
        self._id = uuid.uuid4().hex
        self._lock = threading.Lock()  # for what follows; never held during a request
        self._calling = False
        self._closed = False
        #: Whether an attempt had no answer: its claim may be made even later, whatever the next ones have brought.
        self._is_uncertain = False
        self._token: int | None = None
        #: When the last renewal that showed our claim began, or the claim was made.
        self._evidence = 0.0
        self._interest = Interest(lock_id, self._id, self._tell)

    # ------------------------------------------------------------ the contract

    def acquire_leadership(self) -> Claim | None:
        """Look, and claim the election if nobody has it, or if who has it was silent for a ttl."""
        with self._call():
            self._watch.add(self._interest)  # before the look, so that nothing is missed
            entry = self._look()
            if entry is not None and entry.claim == self._id:
                self._evidence = self._clock()
                return self._check(entry.token)
            self._forget()
            if entry is not None and self._sightings.saw(entry) > 0:
                return None
            return self._claim(entry)

    def check_leadership(self) -> Claim | None:
        """Renew the session, and see that our claim hangs on it."""
        with self._call():
            if self._token is None:
                raise InvalidStateError
            return self._check(self._token)

    def relinquish_leadership(self) -> bool:
        """Delete our claim, if it is still there."""
        with self._call():
            if self._token is None:
                raise InvalidStateError
            was_there = self._store.relinquish(self.lock_id, self._id, self._token)
            self._forget()
            return was_there

    def observe_leadership(self) -> LeaderRecord:
        """Read the row."""
        self._store.pool.check_process()
        self._interest.is_observing = True
        self._watch.add(self._interest)
        entry = self._look()
        self._interest.shown = shown(entry)
        if entry is None or not entry.is_fresh:
            return LeaderRecord(self.lock_id, None, None)
        return LeaderRecord(self.lock_id, entry.candidate, entry.token, entry.since)

    def close(self) -> None:
        """Delete our claim, whatever is known of it."""
        if self._store.pool.is_foreign:
            return
        with self._lock:
            self._closed = True
            is_late = self._calling or self._is_uncertain
            may_have_claim = is_late or self._token is not None
        self._watch.remove(self._interest)
        if may_have_claim:
            self._withdraw(is_late=is_late)

    # ------------------------------------------------------------ inside

    def _look(self) -> Entry | None:
        return self._store.look([self.lock_id]).get(self.lock_id)

    def _claim(self, silent: Entry | None) -> Claim | None:
        renewal = self._session.renewal()
        was_uncertain, self._is_uncertain = self._is_uncertain, True
        made = self._store.claim(self.lock_id, self._session.id, self._id, self.candidate, silent)
        self._is_uncertain = was_uncertain
        if made is None:
            return None
        if self._closed:  # while this request hung
            self._withdraw(is_late=False)
            return None
        _, token = made
        self._lead(token, self._clock())
        # Others count from when they first see that renewal's beat, not from when the claim was made (P2).
        return Claim(token, self._session.ttl, renewal.sent)

    def _check(self, token: int) -> Claim | None:
        renewal = self._session.renewal(max(self._evidence, self._interest.latest))
        if renewal.answer.get(self.lock_id) != (self._id, token):
            self._forget()
            return None
        self._lead(token, renewal.sent)
        return Claim(token, self._session.ttl, renewal.sent)

    def _lead(self, token: int, evidence: float) -> None:
        with self._lock:
            self._token, self._evidence = token, evidence
        self._interest.is_leading = True

    def _forget(self) -> None:
        with self._lock:
            self._token = None
        self._interest.is_leading = False

    def _withdraw(self, *, is_late: bool) -> None:
        try:
            self._store.relinquish(self.lock_id, self._id)
            if is_late:
                self._session.leave_behind(self._id)
                self._store.retire(self._session.id)
        except ElectionError:
            self._session.leave_behind(self._id)

    def _tell(self) -> None:
        self.notify()  # which is set later

    @contextmanager
    def _call(self) -> Iterator[None]:
        self._store.pool.check_process()
        with self._lock:
            if self._closed:
                raise InvalidStateError("the elector is closed")
            self._calling = True
        try:
            yield
        finally:
            with self._lock:
                self._calling = False
