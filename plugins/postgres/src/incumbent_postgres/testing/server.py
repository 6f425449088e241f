"""Real PostgreSQL servers for tests: one, or a primary and its standbys."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from incumbent.testing import ServerProcess, free_port

from .programs import as_owner, binary, libraries, owner

__all__ = ["Postgres"]

#: A test may kill the processes, not the machine: what was written stays without being forced to the disk.
SETTINGS = {
    "fsync": "off",
    "jit": "off",
    "max_connections": "150",
    "shared_buffers": "16MB",
    "max_wal_senders": "4",
    "log_min_messages": "warning",
}
#: Where another user, who may be the server's owner, can enter, and a socket's path is short: TMPDIR may be neither.
PLACE = "/tmp"  # noqa: S108 - the folder in it gets a random name, and is its owner's alone
#: Seconds that its processes may take to end.
PATIENCE = 30.0


class Postgres:
    """
    One server on loopback, in a folder of its own. Not thread-safe.

    Args:
        hba: Lines of pg_hba.conf before the one that trusts everybody.
        settings: More of postgresql.conf.
        sql: Statements that are run when it is made.
        tls: The files of its certificate and key.
        primary: The server that it is to be a standby of.
        where: Its address and port, if the port is not to be a free one of 127.0.0.1.
    """

    def __init__(
        self,
        *,
        hba: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        sql: Sequence[str] = (),
        tls: tuple[Path, Path] | None = None,
        primary: Postgres | None = None,
        where: tuple[str, int] | None = None,
    ) -> None:
        self.host, self.port = where or ("127.0.0.1", free_port())
        self.folder = Path(tempfile.mkdtemp(prefix="incumbent-postgres-", dir=PLACE))
        self._data = self.folder / "data"
        self._hba = [
            *hba,
            "local all all trust",
            "host all all 127.0.0.1/32 trust",
            "host replication all 127.0.0.1/32 trust",
        ]
        self._settings = {**SETTINGS, **(settings or {})}
        self._sql = list(sql)
        self._tls = tls
        self._primary = primary
        os.chown(self.folder, *owner())
        self._process = ServerProcess(
            [
                *(*as_owner(), binary("postgres"), "-D", str(self._data)),
                *("-p", str(self.port), "-h", self.host, "-k", str(self.folder)),
            ],
            ready=self._is_ready,
            log=self.folder / "log",
            environment=libraries(),
        )

    @property
    def url(self) -> str:
        """Its URL, for the superuser."""
        return f"postgres://postgres@{self.host}:{self.port}/postgres"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.running

    def start(self) -> None:
        """Start it, with the data that is there, or made before; and wait until it serves."""
        is_new = not self._data.exists()
        if is_new:
            self._make()
        self._process.start()
        if is_new and self._sql and self._primary is None:
            for statement in self._sql:
                self.sql(statement)

    def freeze(self) -> None:
        """SIGSTOP all of its processes."""
        self._process.freeze()  # the first one: so no new one is born
        for pid in self._children():
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT all of them."""
        for pid in self._children():
            _signal(pid, signal.SIGCONT)
        self._process.thaw()

    def kill(self) -> None:
        """SIGKILL all of them, and wait until they have ended."""
        if not self.running:
            return
        self._process.freeze()
        children = self._children()
        for pid in children:
            _signal(pid, signal.SIGKILL)
        self._process.kill()
        end = time.monotonic() + PATIENCE
        while any(_parent(pid) is not None for pid in children):
            assert time.monotonic() < end, "a killed process has not ended"
            time.sleep(0.01)

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at the same port, with its data or without. Nothing if it runs."""
        if self.running:
            return
        if empty:
            shutil.rmtree(self._data)
        self.start()

    def promote(self) -> None:
        """Make the standby take writes."""
        self._tool("pg_ctl", "promote", "-D", str(self._data), "-w")

    def follow(self, primary: Postgres) -> None:
        """Begin anew, when it does not run, as a standby of *primary*."""
        shutil.rmtree(self._data)
        self._primary = primary
        self.start()

    def stop(self) -> None:
        """End it, and remove its folder. Idempotent."""
        if self.running:
            self.thaw()
            os.kill(self._process.pid, signal.SIGQUIT)  # at once; SIGTERM would wait for its clients
            end = time.monotonic() + PATIENCE
            while self.running and time.monotonic() < end:
                time.sleep(0.01)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run *statement* as the superuser, and return its rows."""
        import psycopg  # noqa: PLC0415 - not before it is needed

        with psycopg.connect(
            host=self.host, port=self.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    # ------------------------------------------------------------ inside

    def _make(self) -> None:
        if self._primary is None:
            self._tool(
                "initdb",
                "-D",
                str(self._data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
            )
        else:
            source = f"host={self._primary.host} port={self._primary.port} user=postgres"
            self._tool(
                "pg_basebackup", "-D", str(self._data), "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync"
            )
        if self._tls is not None:
            for own, given in zip(("server.crt", "server.key"), self._tls, strict=True):  # the names that it looks for
                copy = Path(shutil.copy(given, self._data / own))
                copy.chmod(0o600)
                os.chown(copy, *owner())
            self._settings["ssl"] = "on"
        lines = [f"{name} = '{value}'" for name, value in self._settings.items()]
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *lines, ""]))
        (self._data / "pg_hba.conf").write_text("\n".join([*self._hba, ""]))

    def _tool(self, name: str, *arguments: str) -> None:
        command = [*as_owner(), binary(name), *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, **libraries()},
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {' '.join((done.stderr or done.stdout).split())[-500:]}")

    def _is_ready(self) -> bool:
        from psycopg import pq  # noqa: PLC0415 - not before it is needed

        return bool(pq.PGconn.ping(b"host=%s port=%d user=postgres" % (self.host.encode(), self.port)) == pq.Ping.OK)

    def _children(self) -> list[int]:
        own = self._process.pid
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if _parent(pid) == own]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, number)


def _parent(pid: int) -> int | None:
    """Return the parent of a process, or None if it has ended."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(parent)
