"""A store in this process that can do to electors all that a server can: freeze, die, forget, expire."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from incumbent.testing import FakeClock


class StoreError(Exception):
    """What the store's client library raises."""


@dataclass
class Entry:
    """The leader's claim."""

    owner: object
    candidate: str
    token: int
    expires: float
    #: Whether the tools of other projects see it.
    visible: bool = True
    info: str | None = None


@dataclass
class Ballot:
    """What the store keeps of one election."""

    leader: Entry | None = None
    places: dict[object, str] = field(default_factory=dict)


class Store:
    """The server. A request is one atomic step; who watches is called after each change."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.lock = threading.RLock()
        self.ballots: dict[str, Ballot] = {}
        self.watchers: set[Any] = set()
        self.token = 0
        self.up = True
        self.restarts = 0
        self.frozen = False
        self.pending: list[tuple[Callable[[], Any], Future[Any]]] = []
        #: What broken electors have left behind ends with the store: it must not meet the next one's tests.
        self.at_end = ExitStack()

    def request(self, act: Callable[[], Any], timeout: float) -> Any:
        with self.lock:
            if not self.up:
                raise StoreError("connection refused")
            if not self.frozen:
                return act()
            answer: Future[Any] = Future()
            self.pending.append((act, answer))
        try:
            return answer.result(timeout)
        except FutureTimeoutError:
            raise StoreError("timed out") from None

    def ballot(self, key: str) -> Ballot:
        ballot = self.ballots.setdefault(key, Ballot())
        if ballot.leader is not None and self.clock.now() >= ballot.leader.expires:
            ballot.leader = None
        return ballot

    def grant(self, key: str, owner: object, candidate: str, ttl: float, info: str | None = None) -> Entry:
        self.token += 1
        leader = Entry(owner, candidate, self.token, self.clock.now() + ttl, info=info)
        ballot = self.ballot(key)
        ballot.leader = leader
        ballot.places.pop(owner, None)
        self.tell(key)
        return leader

    def drop(self, key: str, owner: object) -> bool:
        """Give up what *owner* has; return whether it led."""
        ballot = self.ballot(key)
        ballot.places.pop(owner, None)
        led = ballot.leader is not None and ballot.leader.owner is owner
        if led:
            self.end_term(key)
        return led

    def end_term(self, key: str) -> None:
        self.ballot(key).leader = None
        self.tell(key)

    def tell(self, key: str) -> None:
        for watcher in list(self.watchers):
            if watcher.key == key:
                watcher.changed()

    # ------------------------------------------------------------ what happens to a server

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        with self.lock:
            self.frozen = False
            pending, self.pending = self.pending, []
            for act, answer in pending:
                answer.set_result(act())

    def kill(self) -> None:
        self.up = False
        self.watchers.clear()

    def restart(self, *, empty: bool) -> None:
        if empty:
            self.ballots.clear()
        self.restarts += 1
        self.up = True
