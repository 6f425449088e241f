"""The elector of `memory://`: one candidate in a store of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from incumbent.elector import BackendSettings, Capabilities, Claim, LeaderElector, LeaderRecord
from incumbent.errors import InvalidStateError

from .store import Held, MemoryStore

__all__ = ["MemoryElector"]


class MemoryElector(LeaderElector):
    """One candidate in a store of this process."""

    def __init__(
        self, lock_id: str, candidate: str, capabilities: Capabilities, store: MemoryStore, settings: BackendSettings
    ) -> None:
        super().__init__(lock_id, candidate, capabilities)
        self._settings = settings
        self._store = store
        self._holding = False
        self._pid = store.pid

    def acquire_leadership(self) -> Claim | None:
        """Take the election if it is free."""
        sent = self._settings.clock()  # before the request (P2)
        with self._request():
            self._register(self._store.candidates)
            held = self._store.live(self.lock_id)
            if held is None:
                held = Held(self, self._settings.clock, self._store.next_token(), sent, time.time(), self.info)
            if held.elector is not self:
                return None
            self._holding = True
            claim = self._renew(held, sent)
        self._store.notify(self.lock_id)
        return claim

    def check_leadership(self) -> Claim | None:
        """Renew the claim if it is still there."""
        self._require_claim()
        sent = self._settings.clock()
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
        with self._store.request(self._settings.request_timeout):
            yield

    def _require_claim(self) -> None:
        if not self._holding:
            raise InvalidStateError

    def _mine(self) -> Held | None:
        held = self._store.live(self.lock_id)
        return held if held is not None and held.elector is self else None

    def _renew(self, held: Held, sent: float) -> Claim:
        self._store.held[self.lock_id] = replace(held, expires=sent + self._settings.ttl)
        return Claim(held.token, self._settings.ttl, sent)

    def _register(self, electors: dict[str, list[LeaderElector]]) -> None:
        known = electors.setdefault(self.lock_id, [])
        if self not in known:
            known.append(self)
