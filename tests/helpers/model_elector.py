"""A correct elector on `model_store`: the broken ones are small mutations of it."""

from __future__ import annotations

import os
from contextlib import suppress
from types import MappingProxyType

from model_store import Store, StoreError

from incumbent import (
    Address,
    Backend,
    BackendRejectedError,
    BackendSettings,
    BackendUnavailableError,
    Capabilities,
    Claim,
    ConfigurationError,
    InvalidStateError,
    LeaderElector,
    LeaderRecord,
    yes,
)
from incumbent.testing import Harness


class ModelElector(LeaderElector):
    def __init__(self, backend, lock_id, candidate):
        super().__init__(lock_id, candidate, backend.capabilities)
        self.backend = backend
        self.store = backend.store
        self.clock = backend.settings.clock
        self.ttl = backend.settings.ttl
        self.key = lock_id
        #: What the store knows this elector by.
        self.owner = object()
        self.claim: Claim | None = None
        self.closed = False
        self.pid = backend.pid

    def acquire_leadership(self):
        self.refuse_fork()
        sent = self.clock()
        entry = self.ask(self.enter)
        self.claim = None if entry is None else self.granted(entry.token, sent)
        return self.claim

    def check_leadership(self):
        held = self.held()
        sent = self.clock()
        self.claim = self.granted(held.token, sent) if self.ask(self.renew) else None
        return self.claim

    def relinquish_leadership(self):
        self.held()
        was_mine = self.ask(self.leave)
        self.claim = None
        return was_mine

    def observe_leadership(self):
        return self.ask(self.show)

    def close(self):
        if not self.closed and os.getpid() == self.pid:
            self.closed = True
            self.claim = None
            with suppress(StoreError):
                self.store.request(self.leave, self.backend.settings.request_timeout)
            self.store.watchers.discard(self)

    def refuse_fork(self):
        if os.getpid() != self.pid:
            raise InvalidStateError("a forked child")

    def held(self):
        self.refuse_fork()
        if self.claim is None:
            raise InvalidStateError
        return self.claim

    def ask(self, act):
        self.refuse_fork()
        if self.backend.address.path == "/rejected":
            raise BackendRejectedError("the store refuses us")
        try:
            answer = self.store.request(act, self.backend.settings.request_timeout)
        except StoreError as error:
            raise BackendUnavailableError(f"the store does not answer: {error}") from error
        self.store.watchers.add(self)
        return answer

    def changed(self):
        self.notify()

    def granted(self, token, sent):
        return Claim(token, self.ttl, sent, testament=self.testament(token))

    def testament(self, token):
        return str(token)

    # ------------------------------------------------------------ what is done in the store, each in one step

    def enter(self):
        ballot = self.store.ballot(self.key)
        if ballot.leader is None:
            return self.store.grant(self.key, self.owner, self.candidate, self.ttl, self.info)
        if self.is_mine(ballot.leader):
            self.renew()
            return ballot.leader
        ballot.places[self.owner] = self.candidate
        return None

    def is_mine(self, leader):
        return leader.owner is self.owner

    def renew(self):
        leader = self.store.ballot(self.key).leader
        if leader is None or leader.owner is not self.owner:
            return False
        leader.expires = self.store.clock.now() + self.ttl
        return True

    def leave(self):
        return self.store.drop(self.key, self.owner)

    def show(self):
        ballot = self.store.ballot(self.key)
        waiting = tuple(ballot.places.values())
        if ballot.leader is None:
            return LeaderRecord(self.lock_id, None, None, candidates=waiting)
        leader = ballot.leader
        candidates = (leader.candidate, *waiting)
        return LeaderRecord(self.lock_id, leader.candidate, leader.token, candidates=candidates, info=leader.info)


class ModelBackend(Backend):
    contract_version = 1
    capabilities = Capabilities(
        push=yes(),
        observe=yes(),
        candidates=yes(),
        fencing_across_restarts=yes(),
        expiry=yes(),
        interoperates=yes(),
        info=yes(),
        listing=yes(),
        testament=yes(),
        ttl_range=(1.0, 60.0),
    )
    elector_class = ModelElector
    store: Store

    def __init__(self, address, settings):
        shortest, longest = self.capabilities.ttl_range
        if not shortest <= settings.ttl <= longest:
            raise ConfigurationError(f"ttl {settings.ttl}: must lie between {shortest} and {longest}")
        self.address = address
        self.settings = settings
        self.pid = os.getpid()

    def __repr__(self):
        return f"<{type(self).__name__} {self.address}>"

    def elector(self, lock_id, candidate):
        return self.elector_class(self, lock_id, candidate)

    def elections(self, limit):
        try:
            return self.store.request(self.led, self.settings.request_timeout)[:limit]
        except StoreError as error:
            raise BackendUnavailableError(f"the store does not answer: {error}") from error

    def led(self):
        return [key for key in self.store.ballots if self.store.ballot(key).leader is not None]

    def execute(self, lock_id, testament):
        try:
            return self.store.request(lambda: self.end(lock_id, testament), self.settings.request_timeout)
        except StoreError as error:
            raise BackendUnavailableError(f"the store does not answer: {error}") from error

    def end(self, lock_id, testament):
        leader = self.store.ballot(lock_id).leader
        if leader is None or str(leader.token) != testament:
            return False
        self.store.end_term(lock_id)
        return True

    def close(self):
        pass


class ModelOutsider:
    """Stands for another process: when it is killed, its place ends with its connection, and its claim with its ttl."""

    def __init__(self, harness, elector):
        self.harness = harness
        self.elector = elector
        self.killed = False
        self.claim = elector.acquire_leadership()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.killed:
            self.elector.close()

    def kill(self):
        self.killed = True
        self.harness.store.ballot(self.elector.lock_id).places.pop(self.elector.owner, None)
        self.harness.store.watchers.discard(self.elector)


class ModelHarness(Harness):
    scheme = "model"
    url = "model://here"
    ttl = 10.0
    request_timeout = 0.02
    slack = 2.0
    cannot = MappingProxyType({"relay": "nothing goes over a network"})
    model: type[Backend] = ModelBackend

    def open(self):
        self.store = Store()

    def close(self):
        self.store.at_end.close()

    def backend_class(self):
        return self.model

    def backend(self, settings, url=None):
        made = self.model(Address.parse(url or self.url), settings)
        made.store = self.store
        return made

    def clock(self):
        return self.store.clock.now()

    def advance(self, seconds):
        self.store.clock.advance(seconds)

    def expire(self, lock_id):
        self.store.end_term(lock_id)

    def delete(self, lock_id):
        self.store.ballots.pop(lock_id, None)
        self.store.tell(lock_id)

    def leader(self, lock_id):
        leader = self.store.ballot(lock_id).leader
        return LeaderRecord(lock_id, leader and leader.candidate, leader and leader.token)

    def claims(self, lock_id):
        ballot = self.store.ballot(lock_id)
        return len(ballot.places) + (ballot.leader is not None)

    def freeze(self):
        self.store.freeze()

    def thaw(self):
        self.store.thaw()

    def kill(self):
        self.store.kill()

    def restart(self, *, empty=False):
        self.store.restart(empty=empty)

    def tool_acquires(self, lock_id):
        ballot = self.store.ballot(lock_id)
        if ballot.leader is None or not ballot.leader.visible:
            self.store.grant(lock_id, "tool", "tool", self.ttl)
        return ballot.leader.owner == "tool"

    def tool_relinquishes(self, lock_id):
        self.store.drop(lock_id, "tool")

    def rejected_url(self):
        return f"{self.url}/rejected"

    def outsider(self, lock_id, candidate):
        backend = self.backend(BackendSettings(self.ttl, self.request_timeout, self.clock))
        return ModelOutsider(self, backend.elector(lock_id, candidate))
