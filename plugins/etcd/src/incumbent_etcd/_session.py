"""A lease that is there when it is needed, and the electors of different elections that share it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from incumbent import BackendUnavailableError, ElectionError
from incumbent.toolkit import Renewal, deadline

from ._connection import Connection, Request
from ._layout import elections_of
from ._lease import Attached, Lease

__all__ = ["Member", "Session", "end"]


class Member(Protocol):
    """An elector, as its session sees it."""

    def has_place(self) -> bool:
        """Tell whether a key of this elector is to be kept alive."""

    def supervise(self, lease: Lease, renewal: Renewal[Attached]) -> None:
        """Look at what is known of the key now. Called from time to time, on the session's thread."""

    def lease_ended(self, lease: Lease) -> None:
        """Learn that the lease, and the key with it, is gone."""


class Session:
    """
    At most one elector of each election: a key's name holds the lease's id. Thread-safe.

    It renews its lease by itself only while an elector has a place or a claim; then the lease expires, and
    another one is granted when it is needed again.
    """

    def __init__(self, connection: Connection, ttl: int, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._granting = threading.Lock()
        self._closed = False
        self._lease: Lease | None = None
        self._past: list[Lease] = []
        self._members: dict[bytes, Member] = {}
        #: Elections that were left, but perhaps not without a key; and since when nothing more was sent for it.
        self._leaving: dict[bytes, float] = {}
        #: Elections without a member of which there was a key at the last look.
        self._strange: set[bytes] = set()

    def join(self, election: bytes, member: Member) -> bool:
        """Take *member* in, unless this session has an elector of that election already."""
        with self._lock:
            if election in self._members or election in self._leaving:
                return False
            self._members[election] = member
            return True

    def leave(self, election: bytes, member: Member, *, is_clean: bool) -> None:
        """Let *member* go; if not *is_clean*, see to it that its key vanishes."""
        with self._lock:
            if self._members.get(election) is not member:
                return
            del self._members[election]
            if self._lease is not None:
                self._lease.want_keys()
                if not is_clean:
                    self._leaving[election] = self._clock()

    def lease(self) -> Lease:
        """
        Return a lease that has been granted.

        Raises:
            ElectionError: None is.
        """
        until = deadline(self._connection.timeout)
        if not self._granting.acquire(timeout=max(0.0, until - time.monotonic())):
            raise BackendUnavailableError(f"etcd: no lease was granted within {self._connection.timeout:g} s")
        try:
            lease = self._lease
            if lease is None or lease.is_dead:
                if lease is not None:
                    lease.stop()  # its thread would sleep for a third of the ttl before it saw that
                with self._lock:
                    self._past = [lease] if lease is not None else []
                    lease = self._lease = Lease(self._connection, self._ttl, self._clock)
                    self._leaving.clear()  # what they left has ended with the old one
                    self._strange.clear()
            if not lease.is_granted:
                lease.grant()
            return lease
        finally:
            self._granting.release()

    def keep_alive(self, lease: Lease) -> None:
        """Renew *lease* for as long as somebody has a place."""
        with self._lock:
            if self._closed:
                return
            lease.start(lambda renewal: self._look(lease, renewal))

    def close(self) -> Request | None:
        """Ask for the lease's end, and return the request."""
        with self._lock:
            self._closed = True
            lease = self._lease
            self._members.clear()
            self._leaving.clear()
        return None if lease is None else lease.revoke()

    def wait(self) -> None:
        """Wait until nothing of it runs any more, after `close`; as long as a request may take, at most (P8)."""
        for lease in (*self._past, self._lease):
            if lease is not None:
                lease.join(self._connection.timeout)

    # ------------------------------------------------------------ the thread

    def _look(self, lease: Lease, renewal: Renewal[Attached] | None) -> None:
        with self._lock:
            members = list(self._members.values())
            if lease.is_dead:
                self._leaving.clear()
            is_needed = self._leaving or any(member.has_place() for member in members)
            if lease is not self._lease or lease.is_dead or not is_needed:
                lease.stop()
        if lease.is_dead:
            for member in members:
                member.lease_ended(lease)
        elif renewal is not None:
            for member in members:
                member.supervise(lease, renewal)
            if renewal.answer.keys is not None:
                self._sweep(lease, renewal.sent, renewal.answer.keys)

    def _sweep(self, lease: Lease, sent: float, keys: frozenset[bytes]) -> None:
        """
        Delete the keys that no member answers for: a request of one that has left may arrive at any time later.

        A key of an election that was left in good order is looked at twice, for the first renewal may have been before.
        Until nothing more can arrive nobody else joins such an election here: a new key would have the same name.
        """
        with self._lock:
            if lease is not self._lease:
                return
            now, found = self._clock(), elections_of(keys, lease.id)
            strange = found.keys() - self._members.keys()
            self._leaving.update((election, now) for election in strange & (self._strange | self._leaving.keys()))
            self._strange = strange
            orphans = [found[election] for election in self._leaving.keys() & found.keys()]
            for election, since in list(self._leaving.items()):
                if election not in found and sent > since + 2 * self._connection.timeout:
                    del self._leaving[election]
            if self._leaving or self._strange:
                lease.want_keys()
        for key in orphans:
            with suppress(ElectionError):  # the next look is soon
                self._connection.call("DeleteRange", self._connection.rpc.DeleteRangeRequest(key=key))


def end(sessions: list[Session]) -> None:
    """Revoke all leases, at the same time. The threads of the sessions may take a moment to end: see `Session.wait`."""
    requests = []
    for session in sessions:
        with suppress(ElectionError):  # the leases expire by themselves
            requests.append(session.close())
    for request in requests:
        if request is not None:
            with suppress(ElectionError):
                request.result()
