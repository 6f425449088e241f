"""The stores, as operators run them, and how many requests each has had: counted by the servers themselves."""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import server_binaries

from incumbent import LeaderElection, LeaderElectionConfig

__all__ = ["PLACES", "Place", "program"]

#: Connections that a row with hundreds of candidates makes; the servers' own limits are below that.
CONNECTIONS = 2000


def program(server: str, tool: str) -> str:
    """Return the path of a tool that is installed with *server*."""
    return str(server_binaries.find(server).with_name(tool))


class Place:
    """
    Where elections are held.

    Attributes:
        url: For our electors.
        address: For everybody else.
        counts: Whether requests can be counted at all.
        prompt: Whether they are counted at once, not up to some seconds later.
        lingers: Seconds in which requests of those who have gone may still be answered, and counted.
    """

    counts = prompt = False
    lingers = 0.0

    def __init__(self, url: str, address: str) -> None:
        self.url, self.address = url, address

    def requests(self, *, renewals: bool = True) -> float:
        """Return how many requests have come so far; those that only renew a lease or a session may be left out."""
        raise NotImplementedError

    def close(self) -> None:
        """End the server."""


class EtcdPlace(Place):
    """A server of etcd that writes to its disk. A message in a stream is a request."""

    counts = prompt = True

    def __init__(self, folder: Path) -> None:
        _obtain("etcd")
        from incumbent_etcd.testing import Etcd

        self._server = Etcd(folder, arguments=["--unsafe-no-fsync=false"])
        self._server.start()
        super().__init__(f"etcd://127.0.0.1:{self._server.port}", f"127.0.0.1:{self._server.port}")

    def requests(self, *, renewals: bool = True) -> float:
        received = {
            name: count
            for name, count in self._server.metrics().items()
            if name.startswith("grpc_server_msg_received_total{")
        }
        return sum(count for name, count in received.items() if renewals or '"LeaseKeepAlive"' not in name)

    def close(self) -> None:
        self._server.stop()


class ConsulPlace(Place):
    """A server of Consul. A blocking query is counted when it is answered, also if nobody is there any more."""

    counts = prompt = True
    lingers = 11.0  # ours wait for a ttl, 10 s, and up to a sixteenth is added
    OURS = re.compile(r"agent_metrics")
    RENEWALS = re.compile(r"session_renew|agent_check")

    def __init__(self, folder: Path) -> None:
        _obtain("consul")
        from incumbent_consul.testing import ConsulServer

        self._server = ConsulServer(
            {
                "telemetry": {"prometheus_retention_time": "2h"},
                "limits": {"http_max_conns_per_client": CONNECTIONS},
            },
            folder,
        )
        self._server.start()
        super().__init__(f"consul://{self._server}", str(self._server))

    def requests(self, *, renewals: bool = True) -> float:
        with urllib.request.urlopen(f"http://{self.address}/v1/agent/metrics?format=prometheus", timeout=10) as answer:
            text = answer.read().decode()
        counted = re.findall(r"^consul_http_(\S+?)_count(?:{.*})? (\S+)$", text, re.MULTILINE)
        return sum(
            float(count)
            for path, count in counted
            if not self.OURS.search(path) and (renewals or not self.RENEWALS.search(path))
        )

    def close(self) -> None:
        self._server.kill()  # it takes seconds for its farewell
        self._server.stop()


class RedisPlace(Place):
    """A server of Redis with an appendonly file. What it reads at once is a request."""

    counts = prompt = True

    def __init__(self, folder: Path) -> None:
        _obtain("redis")
        import redis

        from incumbent_redis.testing import Server

        self._server = Server(folder)
        self._server.start()
        self._client = redis.Redis(port=self._server.port)
        self._own = 0
        super().__init__(f"redis://127.0.0.1:{self._server.port}", f"127.0.0.1:{self._server.port}")
        # A server that is new elects nobody for a ttl. This one is taken to have been known for an hour.
        with LeaderElection(LeaderElectionConfig("known", ttl=3, relinquish_interval=None), self.url) as election:
            election.wait_for_leadership()
        self._client.hset("{incumbent}", "proven", "3600000")

    def requests(self, *, renewals: bool = True) -> float:
        self._own += 1
        return self._client.info("stats")["total_reads_processed"] - self._own

    def close(self) -> None:
        self._client.close()
        self._server.stop()


class PostgresPlace(Place):
    """A server of PostgreSQL. A transaction is a request; its backends tell of theirs with a delay."""

    counts = True

    def __init__(self, folder: Path) -> None:
        _obtain("postgres")
        from incumbent_postgres.testing import Postgres

        self._server = Postgres(settings={"fsync": "on", "max_connections": str(CONNECTIONS)})
        self._server.start()
        super().__init__(self._server.url, f"host=127.0.0.1 port={self._server.port} user=postgres dbname=postgres")

    def requests(self, *, renewals: bool = True) -> float:
        ((count,),) = self._server.sql("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database")
        return float(count)

    def close(self) -> None:
        self._server.stop()


def _obtain(server: str) -> None:
    os.environ.setdefault(f"INCUMBENT_{server.upper()}_BIN", str(server_binaries.find(server)))


def _local(folder: Path) -> Place:
    folder.mkdir(parents=True, exist_ok=True)
    return Place(f"local://{folder}/state", str(folder))


#: By the name of the store; each is made in a folder of its own.
PLACES: Mapping[str, Callable[[Path], Place]] = {
    "etcd": EtcdPlace,
    "consul": ConsulPlace,
    "redis": RedisPlace,
    "postgres": PostgresPlace,
    "local": _local,
}
