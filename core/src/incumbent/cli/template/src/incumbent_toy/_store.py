"""The store: four operations, each atomic and bounded in time, and the one place that knows its exceptions."""

# CHANGE: all of this module but the names, the arguments and what is returned and raised. The operations are what the
# elector is made of; a compare-and-set with an expiry is enough for each.

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from incumbent import BackendUnavailableError, LeaderRecord, boottime
from incumbent.toolkit import ProcessBound, Translation, deadline, split_info

#: What SQLite raises, and whether asking again can help. What is not listed here is unknown, which it may.
ERRORS = Translation(
    "toy",
    rejected={"not a database": "", "malformed": ""},
    unavailable={sqlite3.Error: ""},
)
#: Tokens stay when a claim is deleted: they must grow for ever (P4).
TABLES = """
    CREATE TABLE IF NOT EXISTS tokens (lock_id TEXT PRIMARY KEY, token INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS claims (
        lock_id TEXT PRIMARY KEY, candidate TEXT, owner TEXT, token INTEGER, since REAL, expires REAL, boot TEXT
    );
"""


class Store(ProcessBound):
    """
    One SQLite file. Thread-safe: each transaction has a connection of its own.

    Each operation raises:

    - `BackendUnavailableError` if its outcome is unknown: no answer in time, a broken connection, a busy store;
    - `BackendRejectedError` if asking again cannot help: wrong credentials, no rights, not this kind of store;
    - `InvalidStateError` in a forked child, which must use neither the connection nor the claim of its parent (P9).
    """

    def __init__(self, path: str, timeout: float, *, wal: bool = False) -> None:
        super().__init__()
        self.path = path
        self.timeout = timeout
        self.wal = wal
        #: The calls that want the file, the one that has it first.
        self.queue: deque[object] = deque()
        self._changed = threading.Condition()

    # ------------------------------------------------------------ the four operations

    def claim(self, lock_id: str, candidate: str, owner: str, ttl: float) -> int | None:
        """Give *owner* the claim if nobody has it, or renew its own; return its token, or None if another has it."""
        with self.transaction() as db:
            leader, token = _claim(db, lock_id)
            if leader == owner:  # the answer to the last attempt was lost, or it leads already
                _renew(db, lock_id, ttl)
            elif leader is None:
                token = _grow_token(db, lock_id)
                row = (lock_id, candidate, owner, token, time.time(), *_ends(ttl))
                db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            else:
                return None
            return token

    def renew(self, lock_id: str, owner: str, ttl: float) -> bool:
        """Keep the claim of *owner* for another *ttl* seconds; return whether it is still there."""
        with self.transaction() as db:
            is_there = _claim(db, lock_id)[0] == owner
            if is_there:
                _renew(db, lock_id, ttl)
            return is_there

    def release(self, lock_id: str, owner: str) -> bool:
        """End the claim of *owner*, and nobody else's; return whether it was still there."""
        with self.transaction() as db:
            was_there = _claim(db, lock_id)[0] == owner
            db.execute("DELETE FROM claims WHERE lock_id = ? AND owner = ?", (lock_id, owner))
            return was_there

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read who leads."""
        query = "SELECT candidate, token, since, expires, boot FROM claims WHERE lock_id = ?"
        with self.transaction() as db:
            row = db.execute(query, (lock_id,)).fetchone()
        if row is None or _is_over(*row[3:]):
            return LeaderRecord(lock_id, None, None)
        shown, token, since = row[:3]
        candidate, info = split_info(shown)
        return LeaderRecord(lock_id, candidate, token, since, info=info)

    # ------------------------------------------------------------ the client

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one exclusive transaction, and map what SQLite raises."""
        self.check_process()
        end = deadline(self.timeout)  # for both waits together (P10)
        with ERRORS.translating(self.path), self._turn(), closing(self._connect(end)) as connection:
            if self.wal:
                connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(f"BEGIN IMMEDIATE; {TABLES}")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """
        Let the threads of this process have the file in the order they came.

        SQLite lets those who wait sleep ever longer, up to 0.1 s, and whoever comes while it is free has it: of eight
        threads one was passed 175 times, which no timeout is long enough for.
        """
        me = object()
        with self._changed:
            self.queue.append(me)
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: self.queue[0] is me, self.timeout):
                    raise BackendUnavailableError(f"{self.path}: other calls took more than {self.timeout:g} s")
            yield
        finally:
            with self._changed:
                self.queue.remove(me)
                self._changed.notify_all()

    def _connect(self, end: float) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=max(0.0, end - time.monotonic()), isolation_level=None)


# ---------------------------------------------------------------- inside a transaction


def _claim(db: sqlite3.Connection, lock_id: str) -> tuple[str | None, int]:
    """Return the owner of the claim, None if it is over, and its token."""
    row = db.execute("SELECT owner, token, expires, boot FROM claims WHERE lock_id = ?", (lock_id,)).fetchone()
    return (None, 0) if row is None or _is_over(*row[2:]) else (row[0], row[1])


def _renew(db: sqlite3.Connection, lock_id: str, ttl: float) -> None:
    db.execute("UPDATE claims SET expires = ?, boot = ? WHERE lock_id = ?", (*_ends(ttl), lock_id))


def _grow_token(db: sqlite3.Connection, lock_id: str) -> int:
    grow = "INSERT INTO tokens VALUES (?, 1) ON CONFLICT (lock_id) DO UPDATE SET token = token + 1 RETURNING token"
    (token,) = db.execute(grow, (lock_id,)).fetchone()
    return int(token)


# ---------------------------------------------------------------- the clock, which a store with a server has itself


def _ends(ttl: float) -> tuple[float, str]:
    """Return when a claim ends that is kept for *ttl* seconds: the boot-time clock begins anew at each boot."""
    return boottime() + ttl, _boot()


def _is_over(expires: float, boot: str) -> bool:
    return boot != _boot() or boottime() >= expires


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
