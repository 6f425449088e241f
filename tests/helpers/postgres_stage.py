"""A stage for the tests on PostgreSQL: waiting with a deadline, and a look at what the server is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import server_binaries
from patience import PATIENCE, durations, eventually, lead
from places import short_folder
from psycopg import pq

from incumbent.testing import ServerProcess, free_port
from incumbent_postgres.testing.programs import as_owner
from incumbent_postgres.testing.server import Postgres

__all__ = [
    "BRIEF",
    "PATIENCE",
    "REQUEST_TIMEOUT",
    "SHORT",
    "TTL",
    "Pair",
    "Postgres",
    "connections",
    "eventually",
    "lead",
    "pooler",
    "settings",
]

T = TypeVar("T")

#: Short, so that neither a fail-over nor silence is waited for long.
TTL, REQUEST_TIMEOUT = 2.0, 0.8


settings, SHORT, BRIEF = durations(TTL, REQUEST_TIMEOUT)


def connections(server: Postgres) -> int:
    """Count the connections of electors."""
    ((count,),) = server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'incumbent'")
    return int(count)


class Pair:
    """A primary, and a standby that has all that the primary has answered."""

    def __init__(self) -> None:
        self.primary = Postgres()
        self.standby = Postgres(primary=self.primary)
        try:
            self.primary.start()
            self.standby.start()
            self._demand_standbys()
            self._wait_for_standbys()
        except BaseException:
            self.close()
            raise

    def fail_over(self) -> None:
        """Kill the primary, promote the standby, and make a standby in the place of the first."""
        self.primary.kill()
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self._demand_standbys()  # settings are not replicated
        self.standby.follow(self.primary)
        self._wait_for_standbys()

    def close(self) -> None:
        self.primary.stop()
        self.standby.stop()

    def _demand_standbys(self) -> None:
        """Have the primary answer what a standby has, and nothing else."""
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.sql("SELECT pg_reload_conf()")

    def _wait_for_standbys(self) -> None:
        eventually(lambda: self.primary.sql("SELECT pid FROM pg_stat_replication WHERE sync_state = 'sync'"))


@contextmanager
def pooler(server: Postgres, mode: str) -> Iterator[str]:
    """Run PgBouncer before *server*, and yield its URL."""
    port, program = free_port(), server_binaries.find("pgbouncer")
    lines = [
        "[databases]",
        f"postgres = host=127.0.0.1 port={server.port} user=postgres",
        "[pgbouncer]",
        *("listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir =", "auth_type = any"),
        *(f"pool_mode = {mode}", "default_pool_size = 5"),
    ]
    libraries = ":".join(str(path) for path in program.resolve().parents[2].glob("usr/lib/*-linux-gnu"))
    with short_folder() as folder:
        (folder / "pgbouncer.ini").write_text("\n".join([*lines, ""]))
        process = ServerProcess(
            [*as_owner(), program, folder / "pgbouncer.ini"],
            ready=lambda: pq.PGconn.ping(b"host=127.0.0.1 port=%d user=postgres" % port) == pq.Ping.OK,
            log=folder / "log",
            environment={"LD_LIBRARY_PATH": libraries},
        )
        try:
            process.start()
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            process.stop()
