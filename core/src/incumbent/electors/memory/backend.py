"""The backend of `memory://`: one way into a store of this process."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from incumbent.elector import Backend, BackendSettings, Capabilities, LeaderElector, no, yes
from incumbent.errors import ConfigurationError, InvalidStateError

from .elector import MemoryElector
from .store import MemoryStore

if TYPE_CHECKING:
    from incumbent.address import Address

__all__ = ["MemoryBackend"]


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
        info=yes(),
        listing=yes(),
        testament=no("not needed: an election ends with its process"),
    )
    harness: ClassVar[str | None] = "incumbent.testing.embedded:MemoryHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        if address.path or address.username is not None or len(address.hosts) > 1:
            raise ConfigurationError(f"{address}: write memory:// or memory://name")
        self.settings = settings
        self.store = MemoryStore.named(address.hosts[0][0] if address.hosts else "")

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector for *candidate* in election *lock_id*."""
        return MemoryElector(lock_id, candidate, self.capabilities, self.store, self.settings)

    def elections(self, limit: int) -> Collection[str]:
        """Return those that somebody leads."""
        if os.getpid() != self.store.pid:
            raise InvalidStateError("this process was forked: open a backend of its own here")
        with self.store.request(self.settings.request_timeout):
            return [lock_id for lock_id in sorted(self.store.held) if self.store.live(lock_id) is not None][:limit]

    def close(self) -> None:
        """Nothing is open."""
