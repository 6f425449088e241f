"""The electors on the model servers, written as the contract demands: bounded attempts, and nothing taken on trust."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import ClassVar

from incumbent import (
    BackendUnavailableError,
    Capabilities,
    Claim,
    InvalidStateError,
    LeaderElector,
    LeaderRecord,
    no,
    yes,
)

from .beats import BeatServer, SimulatedBeatElector
from .network import Network
from .process import Process
from .stores import LeaseStore, SessionStore, Store

__all__ = ["LeaseElector", "ModelElector", "SessionElector", "elector_for"]

#: Of the ttl: a lease that was renewed no longer ago may begin a term.
FRESH = 0.35

CAPABILITIES = Capabilities(
    push=yes(),
    observe=yes(),
    candidates=no("there is no queue"),
    fencing_across_restarts=yes(),
    expiry=yes(),
    interoperates=yes(),
    testament=yes(),
)


class ModelElector(LeaderElector):
    """What both have: a name on the server that is new whenever its lease or session was lost, and its keep-alive."""

    declared: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, process: Process, network: Network, store: Store, timeout: float, named: int) -> None:
        super().__init__("job", process.name, self.declared)
        self.process = process
        self.network = network
        self.timeout = timeout
        self.token: int | None = None
        self.closed = False
        self.busy = False
        self._server = store
        self._number = named
        self._owner: str | None = None
        #: When its lease or session was last renewed, as far as it was told.
        self._renewed = -inf
        #: Every name that it ever had.
        self.owners: list[str] = []
        store.watchers.append(self._changed)
        process.spawn(self._keep_alive)

    def _ask(self, act):
        """One request, and never two at a time (contract)."""
        return self.network.request(self.process, act, self.timeout)

    def _own(self) -> str:
        """Return the name of a lease or session that was alive when it was last heard of; make one if there is none."""
        if self._owner is None:
            self._number += 1
            owner = f"{self.candidate}#{self._number}"
            self.owners.append(owner)
            sent = self.process.now()
            self._ask(lambda: self._server.renew(owner, create=True))
            self._owner, self._renewed = owner, sent
        return self._owner

    def _lost(self) -> None:
        self._owner = self.token = None
        self._renewed = -inf

    def _keep_alive(self) -> None:
        """Renew every third of the ttl for as long as there is something to renew."""
        while not self.closed:
            self.process.sleep(self._server.ttl / 3)
            owner = self._owner
            if owner is not None and not self.closed:
                with suppress(BackendUnavailableError):
                    sent = self.process.now()
                    alive = self._ask(lambda owner=owner: self._server.renew(owner))
                    if alive and self._owner == owner:
                        self._renewed = sent
                    if not alive and self._owner == owner:
                        self._owner = None
                        self.notify()

    def _changed(self) -> None:
        self.network.news(self.process, self.notify)

    def _held(self) -> int:
        if self.token is None:
            raise InvalidStateError
        return self.token

    def observe_leadership(self) -> LeaderRecord:
        leader = self._ask(self._leader)
        return LeaderRecord(self.lock_id, *(leader or (None, None)))

    def _leader(self) -> tuple[str, int] | None:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True
        if self._changed in self._server.watchers:
            self._server.watchers.remove(self._changed)
        owner, self._owner, self.token = self._owner, None, None
        if owner is not None:
            with suppress(BackendUnavailableError):
                self._ask(lambda: self._give_up(owner))

    def _give_up(self, owner: str) -> None:
        raise NotImplementedError


class LeaseElector(ModelElector):
    """On leases and a queue of keys."""

    store: LeaseStore
    declared = replace(CAPABILITIES, candidates=yes())

    def __init__(self, process: Process, network: Network, store: LeaseStore, timeout: float, named: int) -> None:
        super().__init__(process, network, store, timeout, named)
        self.store = store

    def acquire_leadership(self) -> Claim | None:
        owner = self._own()
        place = self._ask(lambda: self.store.enter(owner))
        if place is None:
            self._lost()
            owner = self._own()
            place = self._ask(lambda: self.store.enter(owner))
        if place is None or place[0] != place[1]:
            return None
        sent = self.process.now()
        if sent - self._renewed < FRESH * self.store.ttl:
            self.token = place[0]  # the term begins on the last renewal, and is checked at once
            return Claim(self.token, self.store.ttl, self._renewed, testament=f"{owner}/{self.token}")
        alive, revision = self._ask(lambda: (self.store.renew(owner), self.store.revision_of(owner)))
        if not alive or revision != place[0]:
            self._lost()
            return None
        self.token = revision
        return Claim(revision, self.store.ttl, sent, testament=f"{owner}/{revision}")

    def check_leadership(self) -> Claim | None:
        token, owner = self._held(), self._owner
        sent = self.process.now()
        alive, revision = self._ask(lambda: (self.store.renew(owner), self.store.revision_of(owner)))
        if alive and revision == token:
            return Claim(token, self.store.ttl, sent, testament=f"{owner}/{token}")
        self._lost()
        return None

    def relinquish_leadership(self) -> bool:
        token, owner = self._held(), self._owner
        given_up = self._ask(lambda: self.store.leave(owner, token)) if owner is not None else False
        self.token = None
        return given_up

    def observe_leadership(self) -> LeaderRecord:
        places = self._ask(lambda: (self.store.expire(), sorted(self.store.keys.items(), key=lambda item: item[1]))[1])
        candidates = tuple(owner.partition("#")[0] for owner, _ in places)
        return LeaderRecord(self.lock_id, *(places[0] if places else (None, None)), candidates=candidates)

    def _leader(self) -> tuple[str, int] | None:
        self.store.expire()
        return min(self.store.keys.items(), key=lambda item: item[1], default=None)

    def _give_up(self, owner: str) -> None:
        self.store.end(owner)


class SessionElector(ModelElector):
    """On sessions and one key that they lock."""

    store: SessionStore

    def __init__(self, process: Process, network: Network, store: SessionStore, timeout: float, named: int) -> None:
        super().__init__(process, network, store, timeout, named)
        self.store = store

    def acquire_leadership(self) -> Claim | None:
        owner = self._own()
        sent = self.process.now()
        locked = self._ask(lambda: self.store.acquire(owner))
        if locked is None:
            self._lost()
            owner = self._own()
            sent = self.process.now()
            locked = self._ask(lambda: self.store.acquire(owner))
        if not locked:
            return None
        return self._read_back(owner, sent)

    def check_leadership(self) -> Claim | None:
        token, owner = self._held(), self._owner
        sent = self.process.now()
        if owner is None or not self._ask(lambda: self.store.renew(owner)):
            self._lost()
            return None
        claim = self._read_back(owner, sent)
        if claim is not None and claim.token != token:  # locked anew meanwhile: another term
            claim = self.token = None
        return claim

    def _read_back(self, owner: str, sent: float) -> Claim | None:
        """Count on the claim only when a read that was sent later than *sent* shows it (P2, P5)."""
        holder, index = self._ask(self.store.read)
        if holder != owner:
            self.token = None
            return None
        self.token = index
        return Claim(index, min(self.store.ttl, self.store.lock_delay), sent, testament=f"{owner}/{index}")

    def relinquish_leadership(self) -> bool:
        token, owner = self._held(), self._owner
        # With the index: a release that arrives late must not end a claim that was granted after it was sent.
        given_up = self._ask(lambda: self.store.release(owner, token)) if owner is not None else False
        self.token = None
        return given_up

    def _leader(self) -> tuple[str, int] | None:
        holder, index = self.store.read()
        return None if holder is None else (holder, index)

    def _give_up(self, owner: str) -> None:
        self.store.release(owner, self.store.index)
        self.store.end(owner)


def elector_for(
    process: Process, network: Network, store: Store, timeout: float, named: int
) -> ModelElector | SimulatedBeatElector:
    """Make the elector that goes with *store*; its names there are numbered from *named*."""
    if isinstance(store, BeatServer):
        return SimulatedBeatElector(process, network, store, timeout, CAPABILITIES)
    if isinstance(store, LeaseStore):
        return LeaseElector(process, network, store, timeout, named)
    assert isinstance(store, SessionStore)
    return SessionElector(process, network, store, timeout, named)
