"""The store of `memory://`, which the backends of one name share, and the accidents that can befall it."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import ClassVar

from incumbent.elector import LeaderElector, LeaderRecord
from incumbent.errors import BackendUnavailableError

__all__ = ["Held", "MemoryStore"]


@dataclass(frozen=True, slots=True)
class Held:
    """A claim."""

    elector: LeaderElector
    clock: Callable[[], float]
    token: int
    expires: float
    since: float
    info: str | None


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
        #: The process whose store it is: a forked child has a copy, in which anybody leads.
        self.pid = os.getpid()
        self._key = self.pid, name
        self.changed = threading.Condition()
        self.token = self._tokens.get(self._key, 0)
        self.held: dict[str, Held] = {}
        self.candidates: dict[str, list[LeaderElector]] = {}
        self.observers: dict[str, list[LeaderElector]] = {}
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

    def seize(self, elector: LeaderElector, clock: Callable[[], float]) -> None:
        """Have the candidate of *elector* lead until its claim is deleted, whoever leads now."""
        with self.changed:
            held = Held(elector, clock, self.next_token(), inf, time.time(), None)
            self.held[elector.lock_id] = held
        self.notify(elector.lock_id)

    def holder(self, lock_id: str) -> LeaderRecord:
        """Return who leads."""
        with self.changed:
            held = self.live(lock_id)
            waiting = tuple(elector.candidate for elector in self.candidates.get(lock_id, ()))
        if held is None:
            return LeaderRecord(lock_id, None, None, candidates=waiting)
        return LeaderRecord(lock_id, held.elector.candidate, held.token, held.since, waiting, held.info)

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

    @property
    def is_up(self) -> bool:
        """Whether it accepts calls."""
        return not self._stopped

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

    def live(self, lock_id: str) -> Held | None:
        """Return the claim if it has not expired by its holder's clock; an expired one is removed."""
        held = self.held.get(lock_id)
        if held is not None and held.clock() >= held.expires:
            del self.held[lock_id]
            return None
        return held

    def notify(self, lock_id: str) -> None:
        """Tell every elector of the election that something changed. Not to be called from within a request."""
        for elector in {*self.candidates.get(lock_id, ()), *self.observers.get(lock_id, ())}:
            elector.notify()
