"""One candidate of one election: a record in the store while it leads, and a sight of the leader's while it waits."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from incumbent import (
    BackendSettings,
    Capabilities,
    Claim,
    ElectionError,
    InvalidStateError,
    LeaderElector,
    LeaderRecord,
    boottime,
)

from ._layout import ACQUIRE, RELEASE, SHOW
from ._session import Renewals
from ._sightings import Guard, Sight, milliseconds, number
from ._store import Store
from ._watch import News

__all__ = ["RedisElector"]


class RedisElector(LeaderElector):
    """See `LeaderElector` for the verbs."""

    def __init__(
        self,
        lock_id: str,
        candidate: str,
        capabilities: Capabilities,
        *,
        guard_key: str,
        key: str,
        store: Store,
        guard: Guard,
        renewals: Renewals,
        news: News,
        settings: BackendSettings,
    ) -> None:
        super().__init__(lock_id, candidate, capabilities)
        self.key = key
        self._guard_key = guard_key
        self._store = store
        self._guard = guard
        self._renewals = renewals
        self._news = news
        self._ttl = settings.ttl
        self._clock = settings.clock
        #: A nonce: of the claim that we have, or will have, or may have since an attempt had no answer. Each term has
        #: a new one, so that nothing late on the wire can touch another term's.
        self.claim = _nonce()
        self.asked = self.evidence = 0.0
        self.waits = False
        self._lock = threading.Lock()  # for what follows; never held during a request
        self._calling = False
        self._closed = False
        self._token: int | None = None
        self._sent = 0.0  # of the claim that was returned last
        self._may_exist = False
        self._campaigns = self._observes = False
        self._sight = Sight()
        self._shown = b""
        #: When something was seen that no earlier renewal can know of.
        self._latest = 0.0

    # ------------------------------------------------------------ the contract

    def acquire_leadership(self) -> Claim | None:
        """Write the record, if there is none, or its holder has been silent for its ttl."""
        with self._call():
            if self._token is not None:
                claim = self._check(self._token)
                if claim is not None:
                    return claim
            claim = self._campaign()
            if self._closed:  # while this request hung
                self._withdraw()
                return None
            return claim

    def check_leadership(self) -> Claim | None:
        """Renew the claim, if the record is still ours."""
        with self._call():
            if self._token is None:
                raise InvalidStateError
            return self._check(self._token)

    def relinquish_leadership(self) -> bool:
        """Delete the record, if it is still ours."""
        with self._call():
            if self._token is None:
                raise InvalidStateError
            was_ours = self._release()
            self._forget()
            return was_ours

    def observe_leadership(self) -> LeaderRecord:
        """Read the record."""
        self._store.check_process()
        self._observes = True
        self._news.follow(self)
        return self._store.run(SHOW, [self.key], read=self._record)

    def close(self) -> None:
        """Delete the record, if it may be ours."""
        if self._store.is_foreign:
            return
        with self._lock:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            self._withdraw()

    # ------------------------------------------------------------ campaigning

    def _campaign(self) -> Claim | None:
        self._campaigns = True
        self._news.follow(self)
        known = self._guard.arguments()
        sent = self._clock()
        with self._lock:
            silent = self._sight.silent(boottime(), self._guard.since)
        ours = [self.claim, self.candidate, milliseconds(self._ttl), f"{time.time():.3f}"]
        was_certain, self._may_exist = not self._may_exist, True
        token = self._store.run(
            ACQUIRE,
            [self._guard_key, self.key],
            [*known, *ours, *silent],
            read=self._answer,
            counts=lambda token: token is not None,
        )
        if token is None:
            self._may_exist = not was_certain  # an earlier attempt may still be on its way
            return None
        with self._lock:
            self._token, self._sent, self.evidence, self.asked = token, sent, sent, sent
            self._shown = self.claim.encode()
        self._renewals.join(self)
        return Claim(token, self._ttl, sent)

    def _answer(self, answer: Any) -> int | None:
        """Return the token, or None after taking note of who leads."""
        young_until = self._guard.saw(answer[1], answer[2])
        if answer[0] == 1:
            return _positive(answer[3])
        claim, beat, ttl = answer[3:]
        if young_until is not None and not claim:
            self._guard.tell(young_until)
        with self._lock:
            self._sight.saw(claim, beat, ttl, boottime(), young_until)
            self._shown = claim
        return None

    def _check(self, token: int) -> Claim | None:
        self.asked = self._clock()
        sent, is_ours = self._renewals.renewal(self, max(self._sent, self._latest))
        if not is_ours:
            self._forget()
            return None
        self._sent = sent
        return Claim(token, self._ttl, sent)

    def _release(self) -> bool:
        return self._store.run(RELEASE, [self.key], [self.claim], read=lambda answer: int(answer) == 1)

    def _forget(self) -> None:
        """Hold no claim any more."""
        self._renewals.leave(self)
        with self._lock:
            self._token, self._may_exist = None, False
            self.claim = _nonce()
            self._sight = Sight()

    def _withdraw(self) -> None:
        """Leave. An attempt that is out while `close` does this has the same nonce, and does it once more."""
        self._news.leave(self)
        self._renewals.leave(self)
        if self._may_exist:
            with suppress(ElectionError):  # it ends by itself: nobody renews it
                self._release()

    @contextmanager
    def _call(self) -> Iterator[None]:
        self._store.check_process()
        with self._lock:
            self._calling = True
        try:
            yield
        finally:
            self._calling = False

    def _record(self, answer: Any) -> LeaderRecord:
        claim, *record = answer
        with self._lock:
            self._shown = claim  # a leader that leaves before the first look would not be missed otherwise
        if not record:
            return LeaderRecord(self.lock_id, None, None)
        candidate, token, since = record
        try:
            elected = float(since)
        except ValueError:
            elected = None
        return LeaderRecord(self.lock_id, candidate.decode(errors="replace"), number(token), since=elected)

    # ------------------------------------------------------------ for the news, on their thread

    def due(self) -> float | None:
        """Return when the leader will have been silent for its ttl, unless it is seen to be alive."""
        return self._sight.due if self._campaigns and self._token is None else None

    def looked(self, claim: bytes, beat: bytes, ttl: bytes, young_until: float | None) -> None:
        """Tell the engine if an answer may have changed."""
        now = boottime()
        with self._lock:
            if self._closed or self._calling:
                if self._sight.due is not None and self._sight.due <= now:
                    self._sight.due = None  # the call will tell; meanwhile the next look is the regular one
                return
            is_ours = claim == self.claim.encode()
            is_news = self._observes and claim != self._shown
            self._shown = claim
            if self._token is not None:
                if not is_ours:
                    self._latest, is_news = self._clock(), True
            elif self._campaigns:
                self._sight.saw(claim, beat, ttl, now, young_until)
                if self._sight.due is not None and self._sight.due <= now:
                    self._sight.due, is_news = None, True
        if is_news:
            self.notify()

    def told(self, what: bytes) -> None:
        """Tell the engine of a claim that was given up, and whoever observes of everything."""
        if self._observes or (what == b"free" and self._campaigns and self._token is None):
            self.notify()


def _positive(text: bytes) -> int:
    token = int(text)
    if token <= 0:
        raise ValueError
    return token


def _nonce() -> str:
    return secrets.token_hex(16)
