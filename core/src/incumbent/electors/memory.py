"""`memory://[name]`: elections among the candidates of one process, for tests and examples.

It behaves like a store with a ttl, so what runs on it runs on others: claims expire when they are not
renewed, tokens grow, a store can be frozen, stopped and emptied.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from incumbent.elector import Backend, BackendSettings, Capabilities, Claim, LeaderElector, LeaderRecord, no, yes
from incumbent.errors import BackendUnavailableError, ConfigurationError, InvalidStateError
from incumbent.hookspecs import hookimpl

if TYPE_CHECKING:
    from incumbent.address import Address

__all__ = ["MemoryBackend", "MemoryElector", "MemoryStore", "incumbent_backend"]


@dataclass(frozen=True, slots=True)
class _Held:
    elector: MemoryElector
    token: int
    expires: float
    since: float


class MemoryStore:
    """
    What the backends of one name share. Thread-safe.

    Its methods act behind the electors' backs, as an operator or an accident does.
    """

    _named: ClassVar[weakref.WeakValueDictionary[tuple[int, str], MemoryStore]] = weakref.WeakValueDictionary()
    #: The last token of each name, which outlasts its store (P4).
    _tokens: ClassVar[dict[tuple[int, str], int]] = {}
    #: One a process: a forked child may inherit its parent's locked.
    _naming: ClassVar[dict[int, threading.Lock]] = {}

    def __init__(self, name: str = "") -> None:
        self._key = os.getpid(), name
        self.changed = threading.Condition()
        self.token = self._tokens.get(self._key, 0)
        self.held: dict[str, _Held] = {}
        self.candidates: dict[str, list[MemoryElector]] = {}
        self.observers: dict[str, list[MemoryElector]] = {}
        self._frozen = False
        self._stopped = False

    @classmethod
    def named(cls, name: str) -> MemoryStore:
        """Return this process's store of that name; it lasts as long as somebody uses it."""
        key = os.getpid(), name
        with cls._naming.setdefault(key[0], threading.Lock()):
            store = cls._named.get(key)
            if store is None:
                store = cls._named[key] = cls(name)
            return store

    def expire(self, lock_id: str) -> None:
        """End the claim as if its ttl had passed."""
        self.delete(lock_id)

    def delete(self, lock_id: str) -> None:
        """Remove the claim."""
        with self.changed:
            self.held.pop(lock_id, None)
        self.notify(lock_id)

    def holder(self, lock_id: str) -> LeaderRecord:
        """Return who leads."""
        with self.changed:
            held = self.live(lock_id)
            waiting = tuple(elector.candidate for elector in self.candidates.get(lock_id, ()))
        if held is None:
            return LeaderRecord(lock_id, None, None, candidates=waiting)
        return LeaderRecord(lock_id, held.elector.candidate, held.token, held.since, waiting)

    def claims(self, lock_id: str) -> int:
        """Return the number of claims: 0 or 1."""
        with self.changed:
            return int(lock_id in self.held)

    def freeze(self) -> None:
        """Answer nobody until `thaw`."""
        self._frozen = True

    def thaw(self) -> None:
        """Answer again."""
        with self.changed:
            self._frozen = False
            self.changed.notify_all()

    def stop(self) -> None:
        """Refuse every call until `start`."""
        self._stopped = True

    def start(self, *, empty: bool = False) -> None:
        """Accept calls again, with the claims as they were or with none. Tokens go on growing."""
        with self.changed:
            self._stopped = False
            lock_ids = set(self.held) | set(self.candidates)
            if empty:
                self.held.clear()
        for lock_id in lock_ids:
            self.notify(lock_id)

    # ------------------------------------------------------------ for the electors

    @contextmanager
    def request(self, timeout: float) -> Iterator[None]:
        """Hold the store for one request, or raise if it does not answer in time."""
        if not self.changed.acquire(timeout=timeout):  # pragma: no cover - nobody holds it for long
            raise BackendUnavailableError(f"memory: no answer within {timeout:g} s")
        try:
            if not self.changed.wait_for(lambda: not self._frozen, timeout):
                raise BackendUnavailableError(f"memory: no answer within {timeout:g} s")
            if self._stopped:
                raise BackendUnavailableError("memory: the store is stopped")
            yield
        finally:
            self.changed.release()

    def next_token(self) -> int:
        """Return a token that is larger than any before."""
        self.token = self._tokens[self._key] = self.token + 1
        return self.token

    def live(self, lock_id: str) -> _Held | None:
        """Return the claim if it has not expired by its holder's clock; an expired one is removed."""
        held = self.held.get(lock_id)
        if held is not None and held.elector.settings.clock() >= held.expires:
            del self.held[lock_id]
            return None
        return held

    def notify(self, lock_id: str) -> None:
        """Tell every elector of the election that something changed. Not to be called from within a request."""
        for elector in {*self.candidates.get(lock_id, ()), *self.observers.get(lock_id, ())}:
            elector.notify()


class MemoryBackend(Backend):
    """One way into a store of this process."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("what happens in the process; that time has passed is noticed at the next call"),
        observe=yes(),
        candidates=yes(),
        fencing_across_restarts=yes("the store can be stopped and started, but ends with the process"),
        expiry=yes(),
        interoperates=no("nobody outside the process sees it"),
    )
    harness: ClassVar[str | None] = "incumbent.testing.embedded:MemoryHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        if address.path or address.username is not None or len(address.hosts) > 1:
            raise ConfigurationError(f"{address}: write memory:// or memory://name")
        self.settings = settings
        self.store = MemoryStore.named(address.hosts[0][0] if address.hosts else "")

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector for *candidate* in election *lock_id*."""
        return MemoryElector(self.store, self.settings, lock_id, candidate)

    def close(self) -> None:
        """Nothing is open."""


class MemoryElector(LeaderElector):
    """One candidate in a store of this process."""

    def __init__(self, store: MemoryStore, settings: BackendSettings, lock_id: str, candidate: str) -> None:
        super().__init__(lock_id, candidate, MemoryBackend.capabilities)
        self.settings = settings
        self._store = store
        self._holding = False
        self._pid = os.getpid()

    def acquire_leadership(self) -> Claim | None:
        """Take the election if it is free."""
        sent = self.settings.clock()  # before the request (P2)
        with self._request():
            self._register(self._store.candidates)
            held = self._store.live(self.lock_id)
            if held is None:
                held = _Held(self, self._store.next_token(), sent, time.time())
            if held.elector is not self:
                return None
            self._holding = True
            claim = self._renew(held, sent)
        self._store.notify(self.lock_id)
        return claim

    def check_leadership(self) -> Claim | None:
        """Renew the claim if it is still there."""
        self._require_claim()
        sent = self.settings.clock()
        with self._request():
            held = self._mine()
            if held is None:
                self._holding = False
                return None
            return self._renew(held, sent)

    def relinquish_leadership(self) -> bool:
        """Remove the claim if it is still there."""
        self._require_claim()
        with self._request():
            held = self._mine()
            if held is not None:
                del self._store.held[self.lock_id]
            self._holding = False
        self._store.notify(self.lock_id)
        return held is not None

    def observe_leadership(self) -> LeaderRecord:
        """Return who leads, and the candidates."""
        with self._request():
            self._register(self._store.observers)
        return self._store.holder(self.lock_id)

    def close(self) -> None:
        """Remove what is left of this candidate."""
        if os.getpid() != self._pid:
            return
        for electors in (self._store.candidates, self._store.observers):
            with self._store.changed:
                if self in electors.get(self.lock_id, ()):
                    electors[self.lock_id].remove(self)
                    if not electors[self.lock_id]:
                        del electors[self.lock_id]
        with self._store.changed:
            if self._mine() is not None:
                del self._store.held[self.lock_id]
            self._holding = False
        self._store.notify(self.lock_id)

    # ------------------------------------------------------------ inside

    @contextmanager
    def _request(self) -> Iterator[None]:
        if os.getpid() != self._pid:
            raise InvalidStateError("this process was forked from the candidate's: open a backend of its own here")
        with self._store.request(self.settings.request_timeout):
            yield

    def _require_claim(self) -> None:
        if not self._holding:
            raise InvalidStateError

    def _mine(self) -> _Held | None:
        held = self._store.live(self.lock_id)
        return held if held is not None and held.elector is self else None

    def _renew(self, held: _Held, sent: float) -> Claim:
        self._store.held[self.lock_id] = replace(held, expires=sent + self.settings.ttl)
        return Claim(held.token, self.settings.ttl, sent)

    def _register(self, electors: dict[str, list[MemoryElector]]) -> None:
        known = electors.setdefault(self.lock_id, [])
        if self not in known:
            known.append(self)


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the backend class."""
    return MemoryBackend
