"""The servers of the cluster: one with leases and a queue, like etcd; one with sessions and a lock-delay, like Consul.

Their methods are atomic and are called when a request arrives. A server has a clock of its own rate, too.
"""

from __future__ import annotations

from collections.abc import Callable

from .world import World

__all__ = ["LeaseStore", "SessionStore", "Store"]

#: Seconds by which a new leader of the cluster extends what it took over, and for which the old one may still
#: answer renewals that count for nothing: an election timeout, and one with a heartbeat more.
EXTENSION, STALE = 1.0, 1.1
#: Seconds by which the server may be late in seeing that something has expired.
SCAN = 0.5


class Store:
    """What both servers have."""

    def __init__(self, world: World, ttl: float, rate: float) -> None:
        self.world = world
        self.ttl = ttl
        self.rate = rate
        self.up = True
        self.frozen = False
        #: What came while it was frozen.
        self.pending: list[Callable[[], None]] = []
        #: Called after changes; each says which change it waits for by itself.
        self.watchers: list[Callable[[], None]] = []
        #: Token: who was granted it.
        self.grants: dict[int, str] = {}
        self.revision = world.random.randint(0, 1000)
        #: Whom the leader before this one knows, and until when it may still answer them.
        self._stale: set[str] = set()
        self._stale_until = -1.0
        #: Owner: when its lease or session ends, on the server's clock.
        self._ends: dict[str, float] = {}

    def now(self) -> float:
        """Return seconds on the server's clock."""
        return self.world.now * self.rate

    def changed(self) -> None:
        """Tell who watches."""
        for watcher in list(self.watchers):
            watcher()

    # ------------------------------------------------------------ leases and sessions

    #: A silent owner is given this many ttls.
    patience = 1.0

    def renew(self, owner: str, *, create: bool = False) -> bool:
        """Renew what *owner* has; a new one with *create*. Returns whether it is alive."""
        self.expire()
        if owner not in self._ends:
            if not create:
                return False
        elif owner in self._stale and self.world.now < self._stale_until:
            return True  # answered by who is no longer the leader of the cluster: of no effect
        self._ends[owner] = self.now() + self.patience * self.ttl
        self._look_later(self.patience * self.ttl)
        return True

    def expire(self) -> None:
        """End what has not been renewed."""
        for owner in [owner for owner, end in self._ends.items() if self.now() >= end]:
            self.end(owner)

    def end(self, owner: str) -> None:
        """End what *owner* has, whatever the reason."""
        if self._ends.pop(owner, None) is not None:
            self.world.say("server", f"ends {owner}")
            self._ended(owner)
            self.changed()

    def alive(self) -> list[str]:
        """Return who has a lease or session."""
        return list(self._ends)

    def fail_over(self) -> None:
        """Let another server of the cluster take over: it counts anew, and the old one still answers for a while."""
        self.expire()
        self.world.say("server", "fails over")
        for owner in self._ends:
            self._ends[owner] = self.now() + self.patience * self.ttl + EXTENSION
        self._stale, self._stale_until = set(self._ends), self.world.now + STALE
        self._look_later(self.patience * self.ttl + EXTENSION)

    def execute(self, testament: str) -> bool:
        """End the term that has left *testament*, if it is there: see `Backend.execute`."""
        raise NotImplementedError

    def _look_later(self, seconds: float) -> None:
        self.world.after(seconds / self.rate + self.world.random.random() * SCAN, self.expire)

    def _ended(self, owner: str) -> None:
        raise NotImplementedError


class LeaseStore(Store):
    """Keys in the order of their creation; the first one's owner leads, and the token is its revision."""

    def __init__(self, world: World, ttl: float, rate: float) -> None:
        super().__init__(world, ttl, rate)
        self.keys: dict[str, int] = {}

    def enter(self, owner: str) -> tuple[int, int] | None:
        """Queue *owner*; return its revision and the first one, or None without a lease."""
        self.expire()
        if owner not in self._ends:
            return None
        if owner not in self.keys:
            self.revision += 1
            self.keys[owner] = self.revision
        first = min(self.keys.values())
        if first == self.keys[owner]:
            self.grants[first] = owner
        return self.keys[owner], first

    def revision_of(self, owner: str) -> int | None:
        """Return the revision of the key of *owner*."""
        self.expire()
        return self.keys.get(owner)

    def leave(self, owner: str, revision: int) -> bool:
        """Delete the key of *owner*, if it is still that one."""
        self.expire()
        if self.keys.get(owner) != revision:
            return False
        self._ended(owner)
        self.changed()
        return True

    def execute(self, testament: str) -> bool:
        """Delete that key."""
        owner, _, revision = testament.rpartition("/")
        return self.leave(owner, int(revision))

    def delete(self) -> None:
        """Delete the leader's key, as an operator does."""
        if self.keys:
            self._ended(min(self.keys, key=self.keys.__getitem__))
            self.changed()

    def protected_until(self, owner: str) -> float:
        """Return until when nobody but *owner* can be elected, whatever else is renewed or not; virtual time."""
        self.expire()
        if owner not in self.keys or self.keys[owner] != min(self.keys.values()):
            return -1.0
        return self._ends[owner] / self.rate

    def empty(self) -> bool:
        """Tell whether nothing is left of the election."""
        self.expire()
        return not self.keys

    def _ended(self, owner: str) -> None:
        self.keys.pop(owner, None)
        if self.keys:
            owner, first = min(self.keys.items(), key=lambda item: item[1])
            self.grants[first] = owner


class SessionStore(Store):
    """One key, locked by a session; a session that ends keeps it closed for the lock-delay."""

    patience = 2.0

    def __init__(self, world: World, ttl: float, rate: float, lock_delay: float) -> None:
        super().__init__(world, ttl, rate)
        self.lock_delay = lock_delay
        self.holder: str | None = None
        self.index = 0
        self.closed_for: str | None = None
        self.closed_until = -1.0

    def acquire(self, owner: str) -> bool | None:
        """Lock the key if nobody has it; None without a session."""
        self.expire()
        if owner not in self._ends:
            return None
        if self.holder is None and self.now() >= self.closed_until:
            self.revision += 1
            self.index, self.holder = self.revision, owner
            self.grants[self.index] = owner
        return self.holder == owner

    def read(self) -> tuple[str | None, int]:
        """Return the session on the key, and the index of its last change."""
        self.expire()
        return self.holder, self.index

    def release(self, owner: str, index: int) -> bool:
        """Unlock the key, if it is locked by *owner* and has not changed since *index*."""
        self.expire()
        if self.holder != owner or self.index != index:
            return False
        self._unlock()
        self.changed()
        return True

    def execute(self, testament: str) -> bool:
        """Unlock the key, if it is locked as it was then; no lock-delay follows."""
        owner, _, index = testament.rpartition("/")
        return self.release(owner, int(index))

    def delete(self) -> None:
        """Delete the key, as an operator does; no lock-delay follows."""
        if self.holder is not None:
            self._unlock()
            self.changed()

    def protected_until(self, owner: str) -> float:
        """Return until when nobody but *owner* can be elected, even if its session is ended right now; virtual time."""
        self.expire()
        if self.holder == owner:
            return (self.now() + self.lock_delay) / self.rate
        return self.closed_until / self.rate if self.holder is None and self.closed_for == owner else -1.0

    def empty(self) -> bool:
        """Tell whether nothing is left of the election."""
        self.expire()
        return self.holder is None

    def _ended(self, owner: str) -> None:
        if self.holder == owner:
            self.closed_for, self.closed_until = owner, self.now() + self.lock_delay
            self._unlock()
            self.world.after(self.lock_delay / self.rate + 0.01, self.changed)

    def _unlock(self) -> None:
        self.revision += 1
        self.index, self.holder = self.revision, None
