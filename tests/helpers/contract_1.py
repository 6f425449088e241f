"""
An elector for contract 1, as somebody wrote it when that was the newest one. Nobody changes it while it is served.

It takes everything from the kit that an elector can, in the ways that the documentation shows, and nothing that came later.
"""

import os
import threading
import weakref
from contextlib import contextmanager

from incumbent import (
    Backend,
    BackendRejectedError,
    BackendUnavailableError,
    Capabilities,
    Claim,
    ConfigurationError,
    ElectionError,
    Finding,
    InvalidStateError,
    LeaderElector,
    LeaderRecord,
    hookimpl,
    no,
    yes,
)
from incumbent.testing import FakeClock, Harness


class Store:
    """What a server would be."""

    def __init__(self):
        self.turn = threading.Lock()
        self.claims = {}
        self.token = 0
        self.readers = weakref.WeakSet()

    def tell(self):
        for elector in list(self.readers):
            elector.notify()


STORE = Store()


class OldBackend(Backend):
    contract_version = 1
    capabilities = Capabilities(
        push=yes(),
        observe=yes("in this process"),
        candidates=no("only the leader is kept"),
        fencing_across_restarts=yes(),
        expiry=yes(),
        interoperates=no("nobody else knows it"),
        ttl_range=(1.0, 60.0),
    )
    options = {"colour": "no matter which"}
    harness = "contract_1:OldHarness"

    def __init__(self, address, settings):
        shortest, longest = self.capabilities.ttl_range
        if not shortest <= settings.ttl <= longest:
            raise ConfigurationError(f"ttl {settings.ttl:g}: must be from {shortest:g} to {longest:g} s")
        self.address, self.settings, self.pid = address, settings, os.getpid()

    def elector(self, lock_id, candidate):
        return OldElector(lock_id, candidate, self)

    def close(self):
        pass

    def diagnose(self):
        yield Finding("ok", "it is old")
        yield Finding("warning", "it is very old", "wait")

    @contextmanager
    def store(self):
        if os.getpid() != self.pid:
            raise InvalidStateError("forked")
        if self.address.path == "/closed":
            raise BackendRejectedError("closed for good")
        if not STORE.turn.acquire(timeout=self.settings.request_timeout):
            raise BackendUnavailableError("the store does not answer")
        try:
            yield STORE
        finally:
            STORE.turn.release()


class OldElector(LeaderElector):
    def __init__(self, lock_id, candidate, backend):
        super().__init__(lock_id, candidate, backend.capabilities)
        self.backend, self.settings = backend, backend.settings
        self.owner, self.token = object(), None

    def acquire_leadership(self):
        sent = self.settings.clock()
        with self.backend.store() as store:
            store.readers.add(self)
            owner, _, token, _ = self.current(store, sent)
            if owner is None:
                token = store.token = store.token + 1
            elif owner is not self.owner:
                self.token = None
                return None
            store.claims[self.lock_id] = (self.owner, self.candidate, token, sent + self.settings.ttl)
        if owner is None:
            store.tell()
        self.token = token
        return Claim(token, self.settings.ttl, sent)

    def check_leadership(self):
        self.held()
        sent = self.settings.clock()
        with self.backend.store() as store:
            if self.current(store, sent)[0] is self.owner:
                store.claims[self.lock_id] = (self.owner, self.candidate, self.token, sent + self.settings.ttl)
                return Claim(token=self.token, guarantee=self.settings.ttl, sent=sent)
        self.token = None
        return None

    def relinquish_leadership(self):
        self.held()
        was_mine = self.drop()
        self.token = None
        return was_mine

    def observe_leadership(self):
        now = self.settings.clock()
        with self.backend.store() as store:
            store.readers.add(self)
            _, candidate, token, _ = self.current(store, now)
        return LeaderRecord(self.lock_id, candidate, token, since=None, candidates=())

    def close(self):
        try:
            self.drop()
        except ElectionError:
            pass
        STORE.readers.discard(self)

    def current(self, store, now):
        claim = store.claims.get(self.lock_id)
        return claim if claim is not None and claim[3] > now else (None, None, None, 0)

    def drop(self):
        now = self.settings.clock()
        with self.backend.store() as store:
            was_mine = self.current(store, now)[0] is self.owner
            if was_mine:
                del store.claims[self.lock_id]
        if was_mine:
            store.tell()
        return was_mine

    def held(self):
        if self.token is None:
            raise InvalidStateError


class OldHarness(Harness):
    scheme = "old"
    ttl = 2.0
    request_timeout = 0.1
    slack = 5.0
    cannot = {
        "kill": "it lives in the process",
        "tool": "there is none",
        "outsider": "another process does not see it",
    }

    def __init__(self, url=None):
        super().__init__("old://here?colour=blue" if url is None else url)
        self.time = FakeClock()

    def clock(self):
        return self.time.now()

    def advance(self, seconds):
        self.time.advance(seconds)
        with STORE.turn:
            over = [key for key, claim in STORE.claims.items() if claim[3] <= self.clock()]
            for key in over:
                del STORE.claims[key]
        if over:
            STORE.tell()

    def expire(self, lock_id):
        self.delete(lock_id)

    def delete(self, lock_id):
        STORE.claims.pop(lock_id, None)
        STORE.tell()

    def leader(self, lock_id):
        claim = STORE.claims.get(lock_id)
        return LeaderRecord(lock_id, claim and claim[1], claim and claim[2])

    def claims(self, lock_id):
        return int(lock_id in STORE.claims)

    def freeze(self):
        STORE.turn.acquire()

    def thaw(self):
        STORE.turn.release()

    def rejected_url(self):
        return "old://here/closed"


@hookimpl
def incumbent_backend():
    return OldBackend
