"""Our row in `session`: one renewal for all claims of a backend."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from math import inf

from incumbent import KeepAlive, Renewal

from ._store import Store

__all__ = ["Session"]

#: Claim and token by election.
Claims = Mapping[str, tuple[str, int]]


class Session:
    """
    What claims hang on. It is renewed when an elector asks, and never by itself. Thread-safe.

    Args:
        store: Where it is.
        ttl: Seconds without a renewal after which others may end it.
        clock: `BackendSettings.clock`.
    """

    def __init__(self, store: Store, ttl: float, clock: Callable[[], float]) -> None:
        self._store = store
        self.ttl = ttl
        # Ours, not the server's: a session whose making had no answer can be recognised.
        self.id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._leftovers: set[str] = set()
        self._may_exist = False
        self._keep_alive: KeepAlive[Claims] = KeepAlive(
            self.renew, clock, interval=ttl, share=0.0, name="incumbent-postgres-keepalive"
        )

    def renewal(self, after: float = -inf) -> Renewal[Claims]:
        """Return a renewal that began after *after*, shared if possible. Raises ElectionError."""
        return self._keep_alive.renewal(after)

    def renew(self) -> Claims:
        """Renew it by a request of its own, and return all of its claims. Raises ElectionError."""
        self._may_exist = True
        with self._lock:
            leftovers = sorted(self._leftovers)
        # Never the same beat again, also not on a standby that lacks some of them.
        return self._store.renew(self.id, uuid.uuid4().hex, self.ttl, leftovers)

    def has_left_behind(self, claim: str) -> bool:
        """Tell whether the next renewal deletes *claim*."""
        with self._lock:
            return claim in self._leftovers

    def leave_behind(self, claim: str) -> None:
        """Have the next renewals delete *claim*, which a late request may still make."""
        with self._lock:
            self._leftovers.add(claim)

    def close(self) -> None:
        """End the session with all of its claims. Raises ElectionError."""
        if self._may_exist:
            self._store.end(self.id)
