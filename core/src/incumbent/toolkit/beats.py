"""What the beat electors of one backend share: looks at their elections, news, and renewals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from incumbent.elector import BackendSettings
from incumbent.errors import BackendRejectedError, BackendUnavailableError

from .beat import BeatStore, Held, Record
from .beat_sightings import Sightings
from .beat_turns import Turns
from .keepalive import KeepAlive

__all__ = ["Beats", "Member"]

#: Of the ttl, how long ago the elector of a claim that is renewed along with others has asked at the most: a claim
#: whose engine is silent is to end (P7).
SILENT = 1 / 3


class Member(Protocol):
    """An elector, as it is seen here. Its methods do not block."""

    lock_id: str
    owner: str
    #: When it was asked to renew last, and when the request was sent that renewed its claim last, on the clock.
    asked: float
    renewed: float
    #: Whether it waits for a renewal now.
    waits: bool

    @property
    def is_closed(self) -> bool:
        """Whether it has left."""

    @property
    def campaigns(self) -> bool:
        """Whether it waits for its election."""

    def held(self) -> Held | None:
        """Return its claim."""

    def looked(self, record: Record | None, left: float) -> None:
        """Take note of what is in the store, and of the seconds after which it may be taken over."""

    def told(self, *, is_free: bool, owner: str | None) -> None:
        """Take note of news."""


class Beats:
    """
    All electors of a backend. Thread-safe. Has no thread, and renews and looks only when it is asked to.

    Args:
        store: Where the records are.
        settings: Of the backend.
        looks: In a ttl: a claim's last renewal is known that exactly.
        wake: Called when the elections that are looked at have changed; must not block.

    Attributes:
        store: As it was given.
        settings: As they were given.
        sightings: For how long the records have not changed.
        interval: Seconds between two looks, if nothing is due before.
    """

    def __init__(
        self,
        store: BeatStore,
        settings: BackendSettings,
        *,
        looks: int = 6,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.store = store
        self.settings = settings
        self.sightings = Sightings(settings.clock)
        self.interval = settings.ttl / looks
        self._wake = wake
        self._turns = Turns(settings.clock)
        self._lock = threading.Lock()
        self._members: dict[str, list[Member]] = {}
        self._leading: set[Member] = set()
        # Only who asks at the same time shares its renewal; who comes later is served from `Member.renewed`.
        self._shared: KeepAlive[Mapping[Member, bool]] = KeepAlive(
            self._renew, settings.clock, interval=settings.ttl, share=0.0, name="unused"
        )

    # ------------------------------------------------------------ who is told

    def follow(self, member: Member) -> None:
        """Tell *member* from now on what happens in its election. Idempotent."""
        with self._lock:
            members = self._members.setdefault(member.lock_id, [])
            is_new = member not in members and not member.is_closed
            if is_new:
                members.append(member)
            elif not members:
                del self._members[member.lock_id]
        if is_new:
            self._wake()

    def leave(self, member: Member) -> None:
        """Tell it nothing, and renew nothing of it any more."""
        with self._lock:
            self._leading.discard(member)
            members = self._members.get(member.lock_id, [])
            if member not in members:
                return
            members.remove(member)
            if not members:
                del self._members[member.lock_id]
        self._wake()

    def lock_ids(self) -> list[str]:
        """Return the elections that somebody follows."""
        with self._lock:
            return list(self._members)

    def tell(self, lock_id: str, *, is_free: bool, owner: str | None = None, waiting: int = 0) -> None:
        """
        Pass on what the store has told.

        Args:
            lock_id: Name of the election.
            is_free: Whether nobody leads it now.
            owner: By whose doing, if that is known.
            waiting: How many wait for it, if that is known: of many, a few are told at once; see `tell_in_turn`.
        """
        self._turns.taken(lock_id)
        is_free = is_free and not self._turns.wait(lock_id, waiting)
        for member in self._of(lock_id):
            member.told(is_free=is_free, owner=owner)

    def tell_in_turn(self) -> float | None:
        """Tell those whose turn has come that their election is free; return the seconds until the next turn is due."""
        for lock_id in self._turns.come():
            for member in self._of(lock_id):
                if member.campaigns:
                    member.told(is_free=True, owner=None)
        return self._turns.left()

    def look(self, read: Callable[[Sequence[str]], Mapping[str, Record]] | None = None) -> float | None:
        """
        Read all elections that are followed, and tell their electors.

        Args:
            read: In place of the store's.

        Returns:
            The seconds after which to look again, so that a claim that ends by silence is taken over on time; None
            while nobody follows any.

        Raises:
            ElectionError: The store does not answer, or not for all of them.
        """
        read = read or self.store.read
        lock_ids = self.lock_ids()
        size = max(1, len(lock_ids) if self.store.share else 1)
        pauses = [self.interval]
        refused: BackendRejectedError | None = None
        for begin in range(0, len(lock_ids), size):
            some = lock_ids[begin : begin + size]
            try:
                found = read(some)
            except BackendRejectedError as error:  # of this one, perhaps: others are not to suffer for it
                refused = error
                continue
            for lock_id in some:
                record = found.get(lock_id)
                left = 0.0 if record is None else self.sightings.saw(lock_id, record)
                members = self._of(lock_id)
                for member in members:
                    member.looked(record, left)
                if left and any(member.campaigns for member in members):
                    pauses.append(left)
        self.sightings.forget()
        if refused is not None:
            raise refused
        return min(pauses) if lock_ids else None

    def _of(self, lock_id: str) -> list[Member]:
        with self._lock:
            return list(self._members.get(lock_id, ()))

    # ------------------------------------------------------------ renewing

    def led(self, member: Member) -> None:
        """Renew *member*'s claim from now on, when somebody asks for its own."""
        with self._lock:
            self._leading.add(member)

    def lost(self, member: Member) -> None:
        """Renew it no more."""
        with self._lock:
            self._leading.discard(member)

    def renewal(self, member: Member, after: float) -> tuple[float, bool]:
        """
        Have *member*'s claim renewed later than *after*; return when that was sent, and whether it is still there.

        Raises:
            ElectionError: Nothing is known.
        """
        if not self.store.share:
            return self._renew_alone(member)
        fresh = self.store.share * self.settings.ttl
        member.waits = True
        try:
            for _ in range(3):  # the first two may have begun before it led
                if member.renewed > after and self.settings.clock() - member.renewed <= fresh:
                    return member.renewed, True
                renewal = self._shared.renewal(after)
                if renewal.answer.get(member):
                    return member.renewed, True  # a little later than its `sent`: else it would serve twice
                if member in renewal.answer:
                    return renewal.sent, False
                after = renewal.sent
        finally:
            member.waits = False
        raise BackendUnavailableError("the claim was given up meanwhile")

    def _renew_alone(self, member: Member) -> tuple[float, bool]:
        held, sent = member.held(), self.settings.clock()
        if held is None or held not in self.store.renew([held]):
            return sent, False
        member.renewed = sent
        return sent, True

    def _renew(self) -> Mapping[Member, bool]:
        now = self.settings.clock()
        with self._lock:
            due = {member: member.held() for member in self._leading if self._is_due(member, now)}
        asked = {member: held for member, held in due.items() if held is not None}
        there = set(self.store.renew(list(asked.values())))
        answer = {member: held in there for member, held in asked.items()}
        for member, is_there in answer.items():
            if is_there:
                member.renewed = now
        return answer

    def _is_due(self, member: Member, now: float) -> bool:
        ttl = self.settings.ttl
        is_near = now - member.asked < SILENT * ttl and now - member.renewed > self.store.share * ttl
        return member.waits or is_near
