"""A store of each kind, started for a program that needs one: what a claim leaves in it can be counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import server_binaries

__all__ = ["STORES", "Store"]


class Store:
    """Where the elections are held: nothing to start."""

    def __init__(self, url: str) -> None:
        self.url = url

    def claims(self) -> int:
        """Count what the server keeps for claims: leases, sessions or records."""
        return 0

    def close(self) -> None:
        """End the server."""


class EtcdStore(Store):
    """A server of etcd."""

    def __init__(self, folder: Path) -> None:
        _find("etcd")
        from incumbent_etcd.testing import Etcd

        self.server = Etcd(folder)
        self.server.start()
        super().__init__(f"etcd://127.0.0.1:{self.server.port}")

    def claims(self) -> int:
        return len(self.server.ctl("lease", "list").splitlines()) - 1

    def close(self) -> None:
        self.server.stop()


class ConsulStore(Store):
    """A server of Consul."""

    def __init__(self, folder: Path, scheme: str = "consul") -> None:
        _find("consul")
        from incumbent_consul.testing import ConsulServer

        self.server = ConsulServer(directory=folder)
        self.server.start()
        super().__init__(f"{scheme}://{self.server}")

    def claims(self) -> int:
        return len(self.server.ask("GET", "/v1/session/list"))

    def close(self) -> None:
        self.server.stop()


class PostgresStore(Store):
    """A server of PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        _find("postgres")
        from incumbent_postgres.testing import Postgres

        self.server = Postgres()
        self.server.start()
        super().__init__(self.server.url)

    def claims(self) -> int:
        ((count,),) = self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'incumbent'")
        ((sessions,),) = self.server.sql("SELECT count(*) FROM incumbent.session")
        return int(count) + int(sessions)

    def close(self) -> None:
        self.server.stop()


class RedisStore(Store):
    """A server of Redis."""

    def __init__(self, folder: Path) -> None:
        _find("redis")
        import redis

        from incumbent_redis.testing import Server

        self.server = Server(folder)
        self.server.start()
        self._client = redis.Redis(port=self.server.port)
        super().__init__(f"redis://127.0.0.1:{self.server.port}")

    def claims(self) -> int:
        return self._client.dbsize() + len(self._client.client_list())

    def close(self) -> None:
        self._client.close()
        self.server.stop()


def _find(server: str) -> None:
    os.environ.setdefault(f"INCUMBENT_{server.upper()}_BIN", str(server_binaries.find(server)))


#: By the name of the elector; each is made in a folder of its own.
STORES: Mapping[str, Callable[[Path], Store]] = {
    "memory": lambda folder: Store(f"memory://{folder.name}"),
    "local": lambda folder: Store(f"local://{folder}/state"),
    "etcd": EtcdStore,
    "consul": ConsulStore,
    "consul+check": lambda folder: ConsulStore(folder, "consul+check"),
    "postgres": PostgresStore,
    "redis": RedisStore,
}
