"""The rows of leaders, as the beat protocol asks for them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from incumbent import BackendSettings, ElectionError
from incumbent.toolkit import BeatStore, Held, Record

from ._rows import Entry
from ._session import Session
from ._store import Store

__all__ = ["Records", "record_of"]


class Records(BeatStore):
    """
    The claims in one schema. Thread-safe.

    The beat of a claim is that of its session: whatever hangs on ours goes on with it, also what a late request may
    still make. So owners whose claim had no answer are remembered, and what they leave is deleted by the renewals.

    Args:
        store: The tables.
        session: Ours.
        settings: Of the backend.
    """

    share: ClassVar[float] = 1 / 50

    def __init__(self, store: Store, session: Session, settings: BackendSettings) -> None:
        self._store = store
        self._session = session
        self._clock = settings.clock
        self._lock = threading.Lock()
        self._unanswered: set[str] = set()

    def read(self, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        """Read the rows."""
        return {lock_id: record_of(entry) for lock_id, entry in self._store.look(lock_ids).items()}

    def claim(self, lock_id: str, owner: str, candidate: str, silent: Record | None) -> Record | None:
        """Look, and insert the row if there is none, or instead of all those of a silent session."""
        began = self._clock()
        there = self._store.look([lock_id]).get(lock_id)
        if there is not None and there.claim != owner and not self._session.has_left_behind(there.claim):
            record = record_of(there)
            if silent is None or record.beat != silent.beat:
                return record
        # Others count from when they first see that renewal's beat, not from when the claim is made (P2).
        claims = self._session.renewal(began).answer
        if there is not None and there.claim == owner:
            return record_of(there) if claims.get(lock_id) == (owner, there.token) else None
        with self._lock:
            is_first = owner not in self._unanswered
            self._unanswered.add(owner)
        made = self._store.claim(lock_id, self._session.id, owner, candidate, there)
        if is_first:
            with self._lock:
                self._unanswered.discard(owner)
        return None if made is None else Record(owner, "", self._session.ttl, made[1], candidate)

    def renew(self, held: Sequence[Held]) -> Collection[Held]:
        """Renew the session, and see which claims hang on it."""
        claims = self._session.renew()
        there = [one for one in held if claims.get(one.lock_id, ("", 0))[0] == one.owner]
        for one in held:
            if one not in there:
                self._give_up(one.owner)
        return there

    def release(self, lock_id: str, owner: str) -> bool:
        """Delete the row of this owner, and have the renewals delete it if it comes, or stays."""
        try:
            was_there = self._store.relinquish(lock_id, owner)
        except ElectionError:
            self._session.leave_behind(owner)
            raise
        if self._give_up(owner):
            self._store.retire(self._session.id)
        return was_there

    def close(self) -> None:
        """End the session with all of its claims. Raises ElectionError."""
        self._session.close()

    def _give_up(self, owner: str) -> bool:
        """Leave an owner behind whose claim may still come; tell whether it may."""
        with self._lock:
            is_late = owner in self._unanswered
            self._unanswered.discard(owner)
        if is_late:
            self._session.leave_behind(owner)
        return is_late


def record_of(entry: Entry) -> Record:
    """Return a row as the protocol has it."""
    # What one server shows says nothing of another: its successor may lack renewals, and what a waiter has seen of the
    # former must not shorten the ttl from the last one that had an answer.
    beat = f"{entry.server} {entry.beat}"
    return Record(
        entry.claim,
        beat,
        entry.ttl,
        entry.token,
        entry.candidate,
        entry.since,
        is_fresh=entry.is_fresh,
        holder=entry.session,
    )
