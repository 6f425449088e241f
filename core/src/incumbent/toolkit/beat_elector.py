"""One candidate of one election on a store that can compare and set."""

from __future__ import annotations

import uuid

from incumbent.elector import Claim, LeaderRecord

from .base_backend import BackendBase
from .base_elector import ElectorBase
from .beat import Held, Record
from .beats import Beats
from .info import join_info, split_info

__all__ = ["BeatElector"]


class BeatElector(ElectorBase):
    """
    The elector of every backend on a `BeatStore`.

    Args:
        lock_id: Name of the election.
        candidate: Id of the candidate.
        backend: Whose it is.
        beats: What it shares with the others of that backend.

    Attributes:
        owner: Names the term that it has, or will have, or may have since an attempt had no answer. Each term has a new
            one, so that nothing late on the wire can touch another term's.
        asked: When it was asked to renew last, on `BackendSettings.clock`.
        renewed: When the request was sent that renewed its claim last, or granted it.
        waits: Whether it waits for a renewal now.
    """

    def __init__(self, lock_id: str, candidate: str, backend: BackendBase, beats: Beats) -> None:
        super().__init__(lock_id, candidate, backend)
        self._beats = beats
        self._store = beats.store
        self._ttl = beats.settings.ttl
        self._clock = beats.settings.clock
        self.owner = _name()
        self.asked = self.renewed = 0.0
        self.waits = False
        self._leads = False
        #: Of the claim that was returned last; and when something was seen that no earlier renewal can know of.
        self._sent = self._latest = 0.0
        #: Whether an attempt under this name had no answer: its record may come even later.
        self._is_uncertain = False
        self._waits_for_election = self._observes = False
        #: What was last seen in the store; what an observer was shown of it.
        self._seen: Record | None = None
        self._shown: str | None = None

    # ------------------------------------------------------------ for `ElectorBase`

    def _campaign(self) -> Claim | None:
        """Put our record where there is none, or where one is that has been silent for its ttl."""
        self._waits_for_election = True
        self._beats.follow(self)  # before the attempt, so that nothing is missed
        with self._lock:
            seen, self._observes = self._seen, False  # until it observes again, only a chance to win is news
        silent = None if seen is None or self._beats.sightings.left(self.lock_id, seen) > 0 else seen
        was_uncertain, self._is_uncertain = self._is_uncertain, True
        sent = self._clock()  # before the request (P2)
        kept = join_info(self.candidate, self.info if self.capabilities.info else None)
        found = self._store.claim(self.lock_id, self.owner, kept, silent)
        self._is_uncertain = was_uncertain
        if found is None or found.owner != self.owner:
            if found is not None:
                self._beats.sightings.saw(self.lock_id, found)
            with self._lock:
                self._seen = found
            return None
        with self._lock:
            self._seen, self._leads = None, True
            self._sent = self.asked = self.renewed = sent
        self._beats.led(self)
        return self._claim(found.token, sent)

    def _renew(self, token: int) -> Claim | None:
        """Renew the record, if it is still ours."""
        self.asked = self._clock()
        sent, is_there = self._beats.renewal(self, max(self._sent, self._latest))
        if not is_there:
            self._forget()
            return None
        self._sent = sent
        return self._claim(token, sent)

    def _claim(self, token: int, sent: float) -> Claim:
        return Claim(token, self._ttl, sent, testament=self.owner if self.capabilities.testament else "")

    def _release(self, token: int) -> bool:  # noqa: ARG002 - the owner names the term
        """Delete the record of this term."""
        was_ours = self._store.release(self.lock_id, self.owner)
        self._forget()
        return was_ours

    def _leave(self, *, is_late: bool) -> None:  # noqa: ARG002 - an attempt that is out is uncertain
        """Delete whatever may be ours."""
        self._beats.leave(self)
        if self._leads or self._is_uncertain:
            self._store.release(self.lock_id, self.owner)

    def _observe(self) -> LeaderRecord:
        """Read the record; only then follow it: looks are at many at once, and would fail with one that is refused."""
        record = self._store.read([self.lock_id]).get(self.lock_id)
        with self._lock:
            self._shown = shown = self._show(record)  # a leader that leaves before the first look is missed, too
            self._observes = True
        self._beats.follow(self)
        if record is None or shown is None:
            return LeaderRecord(self.lock_id, None, None)
        candidate, info = split_info(record.candidate)
        return LeaderRecord(self.lock_id, candidate, record.token, since=record.since, info=info)

    def _forget(self) -> None:
        """Hold no claim any more."""
        self._beats.lost(self)
        with self._lock:
            self._leads = self._is_uncertain = False
            self.owner = _name()

    def _show(self, record: Record | None) -> str | None:
        """Return whose a record is, unless that leader has been silent for its ttl."""
        if record is None or not record.owner or not record.is_fresh:
            return None
        return record.owner if self._beats.sightings.left(self.lock_id, record) > 0 else None

    # ------------------------------------------------------------ for `Beats`

    @property
    def is_closed(self) -> bool:
        """Whether it has left."""
        return self._closed

    @property
    def campaigns(self) -> bool:
        """Whether it waits for its election."""
        return self._waits_for_election and not self._leads

    def held(self) -> Held | None:
        """Return its claim, as it was renewed last."""
        with self._lock:
            return Held(self.lock_id, self.owner, self.renewed) if self._leads else None

    def looked(self, record: Record | None, left: float) -> None:
        """Have the engine ask if an answer may have changed."""
        shown = self._show(record)
        with self._lock:
            is_news = self._observes and shown != self._shown
            self._shown = shown
            if self._leads:
                if record is None or record.owner != self.owner:
                    self._latest, is_news = self._clock(), True
            elif self._waits_for_election:
                self._seen = record
                # Or it is our own, which an attempt without an answer has left.
                is_news = is_news or left <= 0 or (record is not None and record.owner == self.owner)
        if is_news and not self._closed:
            self._tell()

    def told(self, *, is_free: bool, owner: str | None) -> None:
        """Have the engine ask when it may win, or may have lost; not when it is its own doing."""
        with self._lock:
            is_news = self._observes
            if owner != self.owner and self._leads and owner is not None:
                self._latest, is_news = self._clock(), True
            elif owner != self.owner and self.campaigns and is_free:
                is_news = True
        if is_news and not self._closed:
            self._tell()


def _name() -> str:
    return uuid.uuid4().hex
