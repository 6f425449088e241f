"""The SQLite file: its tables, and the one place where SQLite's exceptions become those of the contract."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
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
    """One file. Thread-safe: each transaction has a connection of its own."""

    def __init__(self, path: str, timeout: float, *, wal: bool = False) -> None:
        self.path = path
        self.timeout = timeout
        self.wal = wal
        #: The calls that want the file, the one that has it first.
        self.queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        Yield a connection inside one exclusive transaction.

        Raises:
            BackendUnavailableError: The file is locked or cannot be reached. The transaction may have been committed.
            BackendRejectedError: It is no database.
        """
        end = time.monotonic() + self.timeout  # for both waits together (P10)
        try:
            with self._turn(), closing(self._connect(end)) as connection:
                if self.wal:
                    connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(f"BEGIN IMMEDIATE; {TABLES}")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise BackendUnavailableError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise BackendRejectedError(f"{self.path}: {error}") from error

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


def expires_after(seconds: float) -> tuple[float, str]:
    """Return what is stored of an end that is *seconds* away: the boot-time clock begins anew at each boot."""
    return boottime() + seconds, _boot()


def is_over(expires: float, boot: str) -> bool:
    """Tell whether what `expires_after` returned has passed."""
    return boot != _boot() or boottime() >= expires


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
