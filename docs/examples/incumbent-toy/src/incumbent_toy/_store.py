"""The SQLite file: its tables, and the one place where SQLite's exceptions become those of the contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from incumbent import BackendRejectedError, BackendUnavailableError, boottime

#: Tokens stay when a claim is deleted: they must grow for ever (P4).
TABLES = """
    CREATE TABLE IF NOT EXISTS tokens (lock_id TEXT PRIMARY KEY, token INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS claims (
        lock_id TEXT PRIMARY KEY, candidate TEXT, nonce TEXT, token INTEGER, since REAL, expires REAL, boot TEXT
    );
"""


class Store:
    """One file. Thread-safe and fork-safe: each transaction has a connection of its own."""

    def __init__(self, path: str, timeout: float, *, wal: bool = False) -> None:
        self.path = path
        self.timeout = timeout
        self.wal = wal

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        Yield a connection inside one exclusive transaction.

        Raises:
            BackendUnavailableError: The file is locked or cannot be reached. The transaction may have been committed.
            BackendRejectedError: It is no database.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=self.timeout, isolation_level=None)) as connection:
                if self.wal:
                    connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(f"BEGIN IMMEDIATE; {TABLES}")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise BackendUnavailableError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise BackendRejectedError(f"{self.path}: {error}") from error


def expires_after(seconds: float) -> tuple[float, str]:
    """Return what is stored of an end that is *seconds* away: the boot-time clock begins anew at each boot."""
    return boottime() + seconds, _boot()


def is_over(expires: float, boot: str) -> bool:
    """Tell whether what `expires_after` returned has passed."""
    return boot != _boot() or boottime() >= expires


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
