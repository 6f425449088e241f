"""The elector: each method is one transaction."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from sqlite3 import Connection

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

from ._store import Store, expires_after, is_over

CAPABILITIES = Capabilities(
    push=no("SQLite tells nobody that a file has changed"),
    observe=yes(),
    candidates=no("only the leader is stored"),
    fencing_across_restarts=yes("the counter is in the file"),
    expiry=yes(),
    interoperates=no("the tables are this package's own"),
)


class ToyBackend(Backend):
    """Elections in one SQLite file. Shares nothing but the path, so there is nothing to close."""

    contract_version = 1
    capabilities = CAPABILITIES
    options = {"wal": "yes or no: keep a write-ahead log (default no)"}
    harness = "incumbent_toy.testing:ToyHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        if address.hosts or not address.path:
            raise ConfigurationError(f"{address}: give the path of a file, such as toy:///srv/elections.db")
        wal = address.options.get("wal", "no")
        if wal not in ("yes", "no"):
            raise ConfigurationError(f"option wal={wal!r} of {address}: must be yes or no")
        self.settings = settings
        self.store = Store(address.path, settings.request_timeout, wal=wal == "yes")

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        return ToyElector(lock_id, candidate, self)

    def close(self) -> None:
        pass


class ToyElector(LeaderElector):
    """One candidate. Its claim carries a nonce: the same id may be used by another process."""

    def __init__(self, lock_id: str, candidate: str, backend: ToyBackend) -> None:
        super().__init__(lock_id, candidate, backend.capabilities)
        self._settings = backend.settings
        self._store = backend.store
        self._nonce = secrets.token_hex(8)
        self._token: int | None = None
        self._may_hold = False

    def acquire_leadership(self) -> Claim | None:
        sent = self._settings.clock()  # before the request (P2)
        self._may_hold = True  # an error leaves open whether it was committed
        with self._store.transaction() as db:
            nonce, token = self._leader(db)
            if nonce is None:
                token = self._grow_token(db)
                self._insert(db, token)
            elif nonce == self._nonce:  # our own: a no-op, or the answer to the last attempt was lost
                self._renew(db)
        if nonce not in (None, self._nonce):
            self._may_hold = False
            return None
        self._token = token
        return Claim(token, self._settings.ttl, sent)

    def check_leadership(self) -> Claim | None:
        token = self._held()
        sent = self._settings.clock()
        with self._store.transaction() as db:
            mine = self._leader(db) == (self._nonce, token)
            if mine:
                self._renew(db)
        if mine:
            return Claim(token, self._settings.ttl, sent)
        self._forget()
        return None

    def relinquish_leadership(self) -> bool:
        token = self._held()
        with self._store.transaction() as db:
            mine = self._leader(db) == (self._nonce, token)
            self._delete(db)
        self._forget()
        return mine

    def observe_leadership(self) -> LeaderRecord:
        with self._store.transaction() as db:
            query = "SELECT candidate, token, since, expires, boot FROM claims WHERE lock_id = ?"
            row = db.execute(query, (self.lock_id,)).fetchone()
        if row is None or is_over(*row[3:]):
            return LeaderRecord(self.lock_id, None, None)
        return LeaderRecord(self.lock_id, *row[:3])

    def close(self) -> None:
        if self._may_hold:
            with suppress(ElectionError), self._store.transaction() as db:
                self._delete(db)
            self._forget()

    # ------------------------------------------------------------ inside a transaction

    def _leader(self, db: Connection) -> tuple[str, int] | tuple[None, int]:
        row = db.execute("SELECT nonce, token, expires, boot FROM claims WHERE lock_id = ?", (self.lock_id,)).fetchone()
        return (None, 0) if row is None or is_over(*row[2:]) else (row[0], row[1])

    def _grow_token(self, db: Connection) -> int:
        grow = "INSERT INTO tokens VALUES (?, 1) ON CONFLICT (lock_id) DO UPDATE SET token = token + 1 RETURNING token"
        (token,) = db.execute(grow, (self.lock_id,)).fetchone()
        return int(token)

    def _insert(self, db: Connection, token: int) -> None:
        row = (self.lock_id, self.candidate, self._nonce, token, time.time(), *expires_after(self._settings.ttl))
        db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _renew(self, db: Connection) -> None:
        ends = expires_after(self._settings.ttl)
        db.execute("UPDATE claims SET expires = ?, boot = ? WHERE lock_id = ?", (*ends, self.lock_id))

    def _delete(self, db: Connection) -> None:
        db.execute("DELETE FROM claims WHERE lock_id = ? AND nonce = ?", (self.lock_id, self._nonce))

    # ------------------------------------------------------------ what this candidate knows

    def _held(self) -> int:
        if self._token is None:
            raise InvalidStateError
        return self._token

    def _forget(self) -> None:
        self._token = None
        self._may_hold = False
