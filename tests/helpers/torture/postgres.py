"""PostgreSQL as the store: a primary and a synchronous standby."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

import server_binaries

from incumbent.testing import FaultProxy

from .stages import ClusterStage, Fault

__all__ = ["PostgresStage"]


class PostgresStage(ClusterStage):
    """A primary, and a synchronous standby that takes over when the primary is killed for good."""

    elector = "postgres"
    ttl = 3.0
    bound = 25.0  # commits wait until there is a standby again
    modules = (
        "incumbent",
        "incumbent.election",
        "incumbent_postgres._backend",
        "incumbent_postgres._records",
        "psycopg",
    )

    def open(self) -> None:
        os.environ.setdefault("INCUMBENT_POSTGRES_BIN", str(server_binaries.find("postgres")))
        import postgres_stage

        self.pair = postgres_stage.Pair()

    def close(self) -> None:
        self.pair.close()

    @property
    def ports(self) -> list[int]:
        return [self.pair.primary.port, self.pair.standby.port]

    @property
    def servers(self) -> list[Any]:
        return [self.pair.primary, self.pair.standby]

    def url(self, proxies: list[FaultProxy]) -> str:
        return f"postgres://postgres@{','.join(map(str, proxies))}/postgres"

    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill the primary": lambda rng: self._down([self.pair.primary], rng),
            "kill the standby": lambda rng: self._down([self.pair.standby], rng),
            "kill both": lambda rng: self._down([self.pair.standby, self.pair.primary], rng),
            "freeze the primary": lambda rng: self._freeze([0], rng),
            "freeze the standby": lambda rng: self._freeze([1], rng),
            "fail over": lambda _: self.pair.fail_over(),
        }

    def _down(self, servers: list[Any], rng: random.Random) -> None:
        for server in servers:
            server.kill()
        self._a_while(rng)
        for server in servers:
            server.restart()

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete}

    def _delete(self, name: str) -> None:
        with contextlib.suppress(Exception):  # no server just now
            self.pair.primary.sql("DELETE FROM incumbent.election WHERE lock_id = %s", name)

    def claims(self, name: str) -> int:
        return len(self.pair.primary.sql("SELECT token FROM incumbent.election WHERE lock_id = %s", name))
