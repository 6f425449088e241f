"""The harness for the conformance suite: hands that reach the store behind the elector's back."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from incumbent import Address, LeaderRecord
from incumbent.testing import Harness


class ToyHarness(Harness):
    """The file of the URL that is given, or one in a directory of its own."""

    scheme = "toy"
    # CHANGE: what nobody can do to your store, each with the reason. The tests that need it are then not run.
    cannot = {
        "kill": "there is no server: the file is the store",
        "tool": "no other tool knows the tables",
        "relay": "nothing goes over a network",
    }

    def open(self) -> None:
        # CHANGE: start your store on a free port (`incumbent.testing.ServerProcess`), unless a URL is given.
        self.directory = Path(tempfile.mkdtemp(prefix="incumbent-toy-"))
        if not hasattr(self, "url"):
            self.url = f"toy://{self.directory}/elections.db"
        self.path = Address.parse(self.url).path
        self._lock: sqlite3.Connection | None = None

    def close(self) -> None:
        shutil.rmtree(self.directory)

    # CHANGE: each of these, with the store's own tools or a client of its own; not through the elector.

    def expire(self, lock_id: str) -> None:
        self._do("UPDATE claims SET expires = 0 WHERE lock_id = ?", lock_id)

    def delete(self, lock_id: str) -> None:
        self._do("DELETE FROM claims WHERE lock_id = ?", lock_id)

    def leader(self, lock_id: str) -> LeaderRecord:
        rows = self._do("SELECT candidate, token FROM claims WHERE lock_id = ? AND expires > 0", lock_id)
        return LeaderRecord(lock_id, *(rows[0] if rows else (None, None)))

    def claims(self, lock_id: str) -> int:
        return len(self._do("SELECT 1 FROM claims WHERE lock_id = ?", lock_id))

    def freeze(self) -> None:
        self._lock = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._lock.execute("BEGIN EXCLUSIVE")

    def thaw(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def rejected_url(self) -> str:
        path = self.directory / "no-database"
        path.write_text("This is no database. " * 100)
        return f"toy://{path}"

    def _do(self, command: str, lock_id: str) -> list[Any]:
        with closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as db:
            try:
                return db.execute(command, (lock_id,)).fetchall()
            except sqlite3.OperationalError:  # nobody has campaigned yet: there are no tables
                return []
