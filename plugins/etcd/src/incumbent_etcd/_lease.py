"""One lease: granted under an id that we choose, renewed for all who hang a key on it, revoked at the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from incumbent import BackendUnavailableError, KeepAlive, Renewal

from ._connection import Connection, Request
from ._errors import LeaseExistsError, LeaseGoneError, senseless

__all__ = ["Attached", "Lease"]

#: Of the ttl: how often it is renewed if nobody asks, and for how long a renewal serves who comes later.
INTERVAL, SHARE = 1 / 3, 1 / 50
#: Ttls after which the keys are read though nobody has asked for them.
UNREAD = 6
#: Servers grant one and a half of their election timeouts at least, which may be 50 s at most, seconds.
LARGEST_LEAST = 75


@dataclass(frozen=True, slots=True)
class Attached:
    """What a renewal brought: for how long the lease lives, and the keys that hang on it, if they were read."""

    ttl: float
    keys: frozenset[bytes] | None


class Lease:
    """
    A lease, which may not be granted yet. Thread-safe but for `grant`.

    Args:
        connection: Where it is asked for.
        ttl: Whole seconds that are asked for; what was granted is in `ttl`.
        clock: `BackendSettings.clock`.
    """

    def __init__(self, connection: Connection, ttl: int, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._asked = ttl
        # Ours, not the server's: a grant whose answer is lost can be recognised, and revoked.
        self.id = secrets.randbelow((1 << 63) - 1) + 1
        self.ttl = float(ttl)
        #: Set when the server says that it has expired or was revoked: then it never comes back.
        self.is_dead = False
        self.is_granted = False
        self._may_exist = False
        #: The connection that the last renewal went over, if it was answered. See `_renew`.
        self._proven: object = None
        self._wants_keys = False
        self._read_at = -inf
        self._first: Renewal[Attached] | None = None
        self._keep_alive: KeepAlive[Attached]

    def grant(self) -> None:
        """
        Have it granted.

        Raises:
            ElectionError: It may have been.
        """
        rpc = self._connection.rpc
        sent = self._clock()
        self._may_exist = True
        try:
            answer = self._connection.call("LeaseGrant", rpc.LeaseGrantRequest(ID=self.id, TTL=self._asked))
            self.ttl = self._sane(answer, answer.TTL)
            self._first = Renewal(sent, Attached(self.ttl, frozenset()))
        except LeaseExistsError:
            answer = self._connection.call("LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=self.id))
            if not answer.grantedTTL:
                self.is_dead = True
                raise LeaseGoneError("etcd: the lease is gone") from None
            self.ttl = self._sane(answer, answer.grantedTTL)
        self._keep_alive = KeepAlive(
            self._renew,
            self._clock,
            interval=self.ttl * INTERVAL,
            share=self.ttl * SHARE,
            name="incumbent-etcd-keepalive",
        )
        self.is_granted = True

    def _sane(self, answer: Any, granted: int) -> float:
        """Return the ttl that was granted: at most what was asked for, or the least that servers grant."""
        if self.id != answer.ID or not 1 <= granted <= max(self._asked, LARGEST_LEAST):
            raise senseless("a lease")
        return float(granted)

    def renewal(self, after: float) -> Renewal[Attached]:
        """
        Return a renewal that began after *after*, and has read the keys; shared if possible.

        Raises:
            LeaseGoneError: The lease is dead.
            ElectionError: Nothing is known.
        """
        if self._first is not None and self._first.sent > after:
            return self._first  # the grant itself
        while True:
            self.want_keys()
            renewal = self._keep_alive.renewal(after)
            if renewal.answer.ttl <= 0:
                raise LeaseGoneError("etcd: the lease is gone")
            if renewal.answer.keys is not None:
                return renewal
            after = renewal.sent  # it was on its way before we asked for the keys

    def last(self, after: float) -> Renewal[Attached] | None:
        """Return the last renewal that was answered, if it began after *after*: nothing is asked."""
        last = self._keep_alive.last or self._first
        return last if last is not None and last.sent > after and last.answer.ttl > 0 else None

    def want_keys(self) -> None:
        """Have the next renewal read the keys."""
        self._wants_keys = True

    def start(self, look: Callable[[Renewal[Attached] | None], None]) -> None:
        """Renew it from now on; *look* is called with each renewal, or with None when one failed."""
        self._keep_alive.start(look)

    def stop(self) -> None:
        """Let it expire unless it is asked for."""
        if self.is_granted:
            self._keep_alive.stop()

    def join(self, timeout: float) -> None:
        """Wait *timeout* seconds at most until nothing renews it any more, after `stop`."""
        if self.is_granted:
            self._keep_alive.join(timeout)

    def revoke(self) -> Request | None:
        """Ask for its end, if it may exist. Returns the request, to wait for."""
        self.stop()
        if not self._may_exist or self.is_dead:
            return None
        return self._connection.send("LeaseRevoke", self._connection.rpc.LeaseRevokeRequest(ID=self.id))

    def _renew(self) -> Attached:
        """
        Renew it, and read which keys hang on it if anybody wants to know: while all wait, that is seldom.

        Renewing alone proves nothing: a key that an operator deleted or overwrote is no longer attached, and the
        lease lives on. And of a dead lease etcd says ttl 0, and no error.

        A proxy of etcd's passes on answers to what it asked itself: one that was frozen may have an older one at hand.
        So where a renewal has failed, or another server is asked, the lease must also be as young as the answer says.
        """
        rpc = self._connection.rpc
        sent = self._clock()
        renewing = self._connection.send("LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=self.id))
        is_proven, self._proven = renewing.client is self._proven, None
        reads = self._wants_keys or not is_proven or sent - self._read_at >= UNREAD * self.ttl
        self._wants_keys = False  # should this fail, the next one is unproven, and reads
        reading = self._read() if reads and is_proven else None
        try:
            renewed = renewing.result()
            known = (reading or self._read()).result() if reads else None
            if not {self.id}.issuperset(answer.ID for answer in (renewed, known) if answer is not None):
                raise senseless("another lease")
            ttl = renewed.TTL
        except LeaseGoneError:
            ttl = 0
        except BackendUnavailableError:
            if reading is not None:
                reading.cancel()
            raise
        if ttl <= 0 or (known is not None and not known.grantedTTL):
            self.is_dead = True
            return Attached(0.0, frozenset())
        if known is None:
            self._proven = renewing.client
            return Attached(min(float(ttl), self.ttl), None)
        # Whole seconds, rounded down. Read beside the renewal, they are what was left before: may be 0.
        if not is_proven and ttl - (self._clock() - sent) >= known.TTL + 1:
            raise BackendUnavailableError("etcd: the answer is that to an earlier renewal")
        self._proven, self._read_at = renewing.client, sent
        return Attached(min(float(ttl), self.ttl), frozenset(known.keys))

    def _read(self) -> Request:
        request = self._connection.rpc.LeaseTimeToLiveRequest(ID=self.id, keys=True)
        return self._connection.send("LeaseTimeToLive", request)
