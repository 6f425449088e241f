"""The contract, on the four operations of the store: what knows of elections stands here, what knows SQLite there."""

from __future__ import annotations

import secrets
from contextlib import suppress

from incumbent import (
    Address,
    Backend,
    BackendSettings,
    Capabilities,
    Claim,
    ConfigurationError,
    ElectionError,
    InvalidStateError,
    LeaderElector,
    LeaderRecord,
    no,
    yes,
)

from ._store import Store


class LeaderBackend(Backend):
    """One way to reach one store, shared by all elections of the process that use the same URL."""

    contract_version = 1
    # CHANGE: what your store can do. The suite looks for what is claimed, and for what is concealed.
    capabilities = Capabilities(
        push=no("SQLite tells nobody that a file has changed"),
        observe=yes(),
        candidates=no("only the leader is stored"),
        fencing_across_restarts=yes("the counter is in the file"),
        expiry=yes(),
        interoperates=no("the tables are this package's own"),
    )
    # CHANGE: the options of the URL, each with one line of help. Others are refused before the constructor is called.
    options = {"wal": "yes or no: keep a write-ahead log (default no)"}
    harness = "incumbent_leader.testing:LeaderHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        # CHANGE: which parts of a URL your store needs. No I/O here, and no thread.
        if address.hosts or not address.path:
            raise ConfigurationError(f"{address}: name a file, as in leader:///a/b.db")
        wal = address.options.get("wal", "no")
        if wal not in ("yes", "no"):
            raise ConfigurationError(f"option wal={wal!r} of {address}: must be yes or no")
        self.settings = settings
        self.store = Store(address.path, settings.request_timeout, wal=wal == "yes")

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        return LeaderElector(lock_id, candidate, self)

    def close(self) -> None:
        # CHANGE: close what all electors share: the connection, its threads.
        pass


class LeaderElector(LeaderElector):
    """One candidate of one election."""

    def __init__(self, lock_id: str, candidate: str, backend: LeaderBackend) -> None:
        super().__init__(lock_id, candidate, backend.capabilities)
        self._settings = backend.settings
        self._store = backend.store
        self._owner = _new_owner()
        self._token: int | None = None
        self._may_hold = False

    def acquire_leadership(self) -> Claim | None:
        sent = self._settings.clock()  # before the request (P2)
        self._may_hold = True  # an error leaves open whether it was granted
        token = self._store.claim(self.lock_id, self.candidate, self._owner, self._settings.ttl)
        if token is None:
            self._forget()
            return None
        self._token = token
        return Claim(token, self._settings.ttl, sent)

    def check_leadership(self) -> Claim | None:
        token = self._held()
        sent = self._settings.clock()
        if self._store.renew(self.lock_id, self._owner, self._settings.ttl):
            return Claim(token, self._settings.ttl, sent)
        self._forget()
        return None

    def relinquish_leadership(self) -> bool:
        self._held()
        was_mine = self._store.release(self.lock_id, self._owner)
        self._forget()
        return was_mine

    def observe_leadership(self) -> LeaderRecord:
        return self._store.leader(self.lock_id)

    def close(self) -> None:
        if self._may_hold:
            with suppress(ElectionError):  # then the claim expires
                self._store.release(self.lock_id, self._owner)
            self._forget()

    def _held(self) -> int:
        if self._token is None:
            raise InvalidStateError
        return self._token

    def _forget(self) -> None:
        self._owner = _new_owner()
        self._token = None
        self._may_hold = False


def _new_owner() -> str:
    """Say who claims: not the candidate's id, which another may have too, and anew for each term."""
    return secrets.token_hex(8)
