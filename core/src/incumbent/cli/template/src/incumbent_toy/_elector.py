"""The contract, on the four operations of the store: what knows of elections stands here, what knows SQLite there."""

from __future__ import annotations

import secrets

from incumbent import (
    Address,
    BackendSettings,
    Capabilities,
    Claim,
    ConfigurationError,
    LeaderElector,
    LeaderRecord,
    no,
    yes,
)
from incumbent.toolkit import BackendBase, ElectorBase, join_info, read_switch

from ._store import Store


class ToyBackend(BackendBase):
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
        info=yes("behind the candidate's id"),
        listing=no("nobody has written that yet"),
        testament=no("nobody has written that yet"),
    )
    # CHANGE: the options of the URL, each with one line of help. Others are refused before the constructor is called.
    options = {"wal": "yes or no: keep a write-ahead log (default no)"}
    harness = "incumbent_toy.testing:ToyHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        # CHANGE: which parts of a URL your store needs. No I/O here, and no thread.
        super().__init__(address, settings)
        if address.hosts or not address.path:
            raise ConfigurationError(f"{address}: name a file, as in toy:///a/b.db")
        wal = read_switch("toy", "wal", address.options.get("wal"))
        self.store = Store(address.path, settings.request_timeout, wal=wal is True)

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        return ToyElector(lock_id, candidate, self)

    def _end(self) -> None:
        self.close_electors()
        # CHANGE: close what all electors share: the connection, its threads.


class ToyElector(ElectorBase):
    """One candidate of one election: what the verbs come down to."""

    def __init__(self, lock_id: str, candidate: str, backend: ToyBackend) -> None:
        super().__init__(lock_id, candidate, backend)
        self._settings = backend.settings
        self._store = backend.store
        self._name_anew()

    def _campaign(self) -> Claim | None:
        sent = self._settings.clock()  # before the request (P2)
        self._may_hold = True  # an error leaves open whether it was granted
        candidate = join_info(self.candidate, self.info)
        token = self._store.claim(self.lock_id, candidate, self._owner, self._settings.ttl)
        if token is None:
            self._name_anew()
            return None
        return Claim(token, self._settings.ttl, sent)

    def _renew(self, token: int) -> Claim | None:
        sent = self._settings.clock()
        if self._store.renew(self.lock_id, self._owner, self._settings.ttl):
            return Claim(token, self._settings.ttl, sent)
        self._name_anew()
        return None

    def _release(self, token: int) -> bool:
        was_mine = self._store.release(self.lock_id, self._owner)
        self._name_anew()
        return was_mine

    def _observe(self) -> LeaderRecord:
        return self._store.leader(self.lock_id)

    def _leave(self, *, is_late: bool) -> None:
        if self._may_hold:  # if the store does not answer, the claim expires
            self._store.release(self.lock_id, self._owner)

    def _name_anew(self) -> None:
        """Say who claims: not the candidate's id, which another may have too, and anew for each term."""
        self._owner = secrets.token_hex(8)
        self._may_hold = False
