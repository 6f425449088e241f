"""News: one thread that waits, with one blocking query, for what any elector of a backend wants to know."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from incumbent import ElectionError

from ._client import Client
from ._connection import Connection
from ._layout import Keys, Pair

__all__ = ["Member", "Watcher", "Watchers"]

#: Watches of one backend: elections whose names begin with the same segment share one.
MOST_WATCHES = 4
#: Seconds that a query waits for news, at least and at most; the ttl in between.
SHORTEST_WAIT, LONGEST_WAIT = 5.0, 30.0
#: Answers that may come at once, and seconds for each that comes later: a busy prefix is no busy loop.
BURST, PAUSE = 10, 0.05
#: Seconds until the next query at least: whoever has just been told has more need of the machine, and misses nothing.
BREATH = 0.004
#: Seconds that are added for each key of an answer.
PAUSE_PER_KEY = 0.00005
#: Seconds after which somebody who waits for what brings no news, the end of a lock-delay, looks again.
REMIND = 0.5
#: Seconds between two tries during an outage: the first, and the longest.
FIRST_RETRY, LONGEST_RETRY = 0.1, 2.0


class Member(Protocol):
    """Who wants to know something."""

    def wanted(self) -> frozenset[str]:
        """Return the keys whose changes matter now; none if nothing does. Asks nobody."""

    def known(self, key: str) -> int:
        """Return the index from which on changes of *key* matter; 0 if it matters how it is now."""

    def seen(self, found: Mapping[str, Pair], prefix: str | None) -> bool:
        """Take the wanted keys as they are, or all that begin with *prefix*; tell whether to be reminded soon."""

    def outage(self) -> None:
        """Take it that nothing is known any more."""


@dataclass(slots=True, eq=False)
class _Query:
    """One question: a key, or all keys that begin with it."""

    connection: Connection
    key: str
    recurse: bool
    index: int = 0
    remind: bool = False
    #: The last answer, None before there is one.
    found: dict[str, Pair] | None = field(default=None, repr=False)

    @property
    def prefix(self) -> str | None:
        return self.key if self.recurse else None

    def covers(self, keys: frozenset[str]) -> bool:
        return all(key.startswith(self.key) if self.recurse else key == self.key for key in keys)


class Watcher:
    """
    Follows the keys that its members want. Thread-safe.

    Its thread runs while there is a member. Several keys are followed by what all of them begin with.

    Args:
        client: Asks the servers.
        wait: Seconds that one query may wait for a change.
    """

    def __init__(self, client: Client, wait: float) -> None:
        self._client = client
        self._wait = wait
        self._changed = threading.Condition()
        self._members: dict[Member, None] = {}
        self._thread: threading.Thread | None = None
        #: The thread that was the last to find nobody who wants to know; it may not have ended yet.
        self._ending: threading.Thread | None = None
        self._query: _Query | None = None
        self._closed = False
        self._failures = 0
        self._credit, self._credited = float(BURST), 0.0

    def follow(self, member: Member) -> None:
        """Tell *member* what it wants to know from now on. To be called again when that is something else."""
        with self._changed:
            if self._closed:
                return
            self._members[member] = None
            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, args=(self._ending,), name="incumbent-consul-watch", daemon=True
                )
                thread.start()
                self._thread = thread
            self._changed.notify_all()
            query = self._query
            if query is None or threading.current_thread() is self._thread:
                return  # what is wanted is looked up after each answer
            if not query.covers(member.wanted()):
                self._interrupt()
                return
            found = query.found
        # It may have missed the answer that is already there.
        if found is not None and member.seen(found, query.prefix):
            with self._changed:
                if self._query is query and not query.remind:
                    self._interrupt()

    def leave(self, member: Member) -> None:
        """Tell *member* nothing any more."""
        with self._changed:
            self._members.pop(member, None)
            if not self._members:
                self._interrupt()

    def restart(self) -> None:
        """Ask again, where requests go now."""
        with self._changed:
            if (
                threading.current_thread() is not self._thread
            ):  # else its own failure is the reason: it goes on by itself
                self._interrupt()

    def close(self, timeout: float) -> None:
        """End the thread, and wait for that for *timeout* seconds at most."""
        with self._changed:
            self._closed = True
            self._interrupt()
            thread = self._thread or self._ending
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _interrupt(self) -> None:
        """Have the thread begin anew. With the lock held."""
        if self._query is not None:
            self._query.connection.interrupt()
            self._query = None
        self._changed.notify_all()

    # ------------------------------------------------------------ the thread

    def _run(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # it has nothing left but to close its connection: who waits for this thread waits for both
        query = self._next()
        while query is not None:
            try:
                wait = REMIND if query.remind else self._wait
                index, pairs = self._client.watch(
                    query.connection, query.key, recurse=query.recurse, index=query.index, wait=wait
                )
            except ElectionError:
                self._failed(query)
            else:
                self._answered(query, index, pairs)
            following = self._next()
            if following is None or following.connection is not query.connection:
                query.connection.close()
            query = following

    def _next(self) -> _Query | None:
        """Return what to ask now, or None when there is nobody who wants to know."""
        with self._changed:
            while self._members and not self._closed:
                keys = frozenset().union(*(member.wanted() for member in self._members))
                if keys:
                    recurse = len(keys) > 1
                    key = next(iter(keys)) if len(keys) == 1 else _prefix(keys)
                    query = self._query
                    if query is None or (query.key, query.recurse) != (key, recurse):
                        connection = self._client.pool.connection() if query is None else query.connection
                        known = [member.known(key) for member in self._members if key in member.wanted()]
                        index = 0 if recurse else min(known, default=0)
                        query = _Query(connection, key, recurse, index)
                    self._query = query
                    return query
                self._changed.wait()
            self._query, self._thread, self._ending = None, None, self._thread
            return None

    def _failed(self, query: _Query) -> None:
        with self._changed:
            interrupted = self._query is not query
        if interrupted:
            self._slow_down(PAUSE)  # several watches that fail in turn interrupt each other
            return
        with self._changed:
            self._query = None
            members = list(self._members) if self._failures == 0 else []
            pause = min(FIRST_RETRY * 2.0**self._failures, LONGEST_RETRY) * random.SystemRandom().uniform(0.5, 1.5)
            self._failures = min(self._failures + 1, 10)
        query.connection.close()
        for member in members:
            member.outage()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._members, pause)

    def _answered(self, query: _Query, index: int, pairs: list[Pair]) -> None:
        self._failures = 0
        query.index = index if index >= query.index else 0  # servers that were restored begin anew
        query.found = {pair.key: pair for pair in pairs}
        with self._changed:
            members = list(self._members)
        query.remind = False
        for member in members:
            query.remind |= member.seen(query.found, query.prefix)
        self._slow_down(PAUSE + len(pairs) * PAUSE_PER_KEY)

    def _slow_down(self, pause: float) -> None:
        """Take a breath, and pause if too many answers have come lately."""
        now = time.monotonic()
        self._credit = min(BURST, self._credit + (now - self._credited) / pause) - 1.0
        self._credited = now
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._members, max(BREATH, -self._credit * pause))


def _prefix(keys: frozenset[str]) -> str:
    """Return what all *keys* begin with. Servers take a last segment of dots for a way up."""
    first, last = min(keys), max(keys)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same].rstrip(".")


class Watchers:
    """The watchers of a backend, for there is one query to each of a few subtrees at most. Thread-safe."""

    def __init__(self, client: Client, prefix: str, ttl: float) -> None:
        self._client = client
        self._prefix = prefix
        self._wait = min(max(ttl, SHORTEST_WAIT), LONGEST_WAIT)
        self._lock = threading.Lock()
        self._by_segment: dict[str, Watcher] = {}

    def of(self, keys: Keys) -> Watcher:
        """Return the watcher of the elections that begin with the same segment, below the path of the URL."""
        segment = keys.lock.removeprefix(self._prefix).partition("/")[0]
        with self._lock:
            if segment in self._by_segment:
                return self._by_segment[segment]
            watchers = list(dict.fromkeys(self._by_segment.values()))
            if watchers and (self._prefix or len(watchers) == MOST_WATCHES):
                watcher = watchers[-1]
            else:
                watcher = Watcher(self._client, self._wait)
            self._by_segment[segment] = watcher
            return watcher

    def restart(self) -> None:
        """Ask anew: the servers have changed."""
        for watcher in self._all():
            watcher.restart()

    def close(self, timeout: float) -> None:
        """End all, each within *timeout* seconds."""
        for watcher in self._all():
            watcher.close(timeout)

    def _all(self) -> set[Watcher]:
        with self._lock:
            return set(self._by_segment.values())
