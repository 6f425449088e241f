"""The stores that elections are tortured on, and what can be done to each of them."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import server_binaries

from incumbent import read_leader
from incumbent.testing import FaultProxy
from incumbent.testing.proxy import Direction

from .crew import Slot

__all__ = ["STAGES", "Stage"]

#: Does something to the store, puts it right again, and takes some time over it. Gets the ttl and a source of chance.
Fault = Callable[[random.Random], None]


class Stage:
    """A store. The names of its faults are those of the report."""

    elector: str
    #: As short as the store allows, so that much happens.
    ttl: float
    #: Seconds after the end of a fault by which somebody leads again, on a busy machine.
    bound: float
    #: Faults after which the store is known to end claims before their time: no deadline covers that.
    betrays: frozenset[str] = frozenset()
    #: What a candidate imports.
    modules: tuple[str, ...]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def open(self) -> None:
        """Start it."""

    def close(self) -> None:
        """End it."""

    def slot(self) -> Slot:
        """Make one candidate's way to the store."""
        raise NotImplementedError

    def faults(self) -> Mapping[str, Fault]:
        """Return what can happen to the whole store."""
        return {}

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        """Return what an operator can do to one election; no deadline covers these."""
        return {}

    def claims(self, name: str) -> int:
        """Count what is left of an election."""
        raise NotImplementedError


class LocalStage(Stage):
    """Files in one directory."""

    elector = "local"
    ttl = 3.0
    bound = 5.0
    modules = ("incumbent", "incumbent.election", "incumbent.electors.local.backend")

    def slot(self) -> Slot:
        return Slot(f"local://{self.folder}/state", [])

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete, "remove the lock file": lambda name: self._remove(name, "lock")}

    def _delete(self, name: str) -> None:
        for suffix in ("lock", "wake"):
            self._remove(name, suffix)

    def _remove(self, name: str, suffix: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "state" / f"{quote(name, safe='')}.{suffix}").unlink()

    def claims(self, name: str) -> int:
        return int(read_leader(f"local://{self.folder}/state", name).candidate is not None)


class ClusterStage(Stage):
    """Three servers; each candidate reaches each of them through a proxy of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._slots = 0

    @property
    def ports(self) -> list[int]:
        """Where the servers serve clients."""
        raise NotImplementedError

    def url(self, proxies: list[FaultProxy]) -> str:
        """Return the URL of servers."""
        return f"{self.elector}://{','.join(map(str, proxies))}"

    def slot(self) -> Slot:
        proxies = [FaultProxy("127.0.0.1", port) for port in self.ports]
        self._slots += 1
        turn = self._slots % len(proxies)  # so that not all prefer the same server
        return Slot(self.url(proxies[turn:] + proxies[:turn]), proxies)

    def _servers_down(self, servers: list[Any], rng: random.Random) -> None:
        """Kill, wait, and start again."""
        for server in servers:
            server.kill()
        time.sleep(rng.random() * 2 * self.ttl)
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_until_ready()

    def _servers_frozen(self, servers: list[Any], rng: random.Random) -> None:
        for server in servers:
            server.freeze()
        time.sleep(rng.random() * 2 * self.ttl)
        for server in servers:
            server.thaw()


class EtcdStage(ClusterStage):
    """etcd; its servers reach each other through proxies, too."""

    elector = "etcd"
    ttl = 3.0
    bound = 15.0
    modules = ("incumbent", "incumbent.election", "incumbent_etcd._backend", "incumbent_etcd._elector")
    #: A member that led and was stopped revokes leases which its successor has renewed (etcd#15247).
    betrays = frozenset({"freeze the cluster's leader", "freeze the majority"})

    def open(self) -> None:
        os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))
        import etcd_stage

        self.cluster = etcd_stage.Cluster(self.folder)
        self.nodes = list(self.cluster.members.values())

    def close(self) -> None:
        self.cluster.close()

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    def _leader(self) -> Any:
        return self.cluster.members[self.cluster.leader()]

    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill the cluster's leader": lambda rng: self._servers_down([self._leader()], rng),
            "kill a server": lambda rng: self._servers_down([rng.choice(self.nodes)], rng),
            "kill the majority": lambda rng: self._servers_down(rng.sample(self.nodes, 2), rng),
            "kill all servers": lambda rng: self._servers_down(self.nodes, rng),
            "freeze the cluster's leader": lambda rng: self._servers_frozen([self._leader()], rng),
            "freeze the majority": lambda rng: self._servers_frozen(rng.sample(self.nodes, 2), rng),
            "cut the cluster's leader off its peers": lambda rng: self._part(None, rng),
            "make the cluster's leader deaf to its peers": lambda rng: self._part("to server", rng),
            "move the cluster's leadership": lambda _: self._move(),
            "compact and defragment": lambda _: self._compact(),
        }

    def _part(self, direction: Direction | None, rng: random.Random) -> None:
        proxy = self.cluster.peers[self.cluster.leader()]
        proxy.freeze(direction)
        time.sleep(rng.random() * 2 * self.ttl)
        proxy.heal()

    def _move(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it has just moved by itself
            leader = self._leader()
            members = leader.ctl("member", "list").splitlines()
            follower = next(line.split(",")[0] for line in members if f" {leader.name}," not in line)
            leader.ctl("move-leader", follower)

    def _compact(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # compacted just before
            leader = self._leader()
            revision = leader.ctl("endpoint", "status", "--write-out", "json").partition('"revision":')[2]
            leader.ctl("compact", revision.partition(",")[0])
            leader.ctl("defrag")

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete, "revoke": self._revoke}

    def _delete(self, name: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # no quorum just now
            self._leader().ctl("del", "--prefix", f"{name}/")

    def _revoke(self, name: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            node = self._leader()
            keys = node.ctl("get", "--prefix", f"{name}/", "--keys-only", "--sort-by", "CREATE", "--limit", "1")
            node.ctl("lease", "revoke", keys.strip().rpartition("/")[2])

    def claims(self, name: str) -> int:
        return len(self.nodes[0].ctl("get", "--prefix", f"{name}/", "--keys-only").split())


class ConsulStage(ClusterStage):
    """Consul, with the server's shortest ttl lowered: at its usual 10 s a fail-over takes half a minute."""

    elector = "consul"
    ttl = 3.0
    bound = 25.0  # twice the ttl, the lock-delay, and what its autopilot needs
    modules = ("incumbent", "incumbent.election", "incumbent_consul._backend", "incumbent_consul._elector")

    def open(self) -> None:
        os.environ.setdefault("INCUMBENT_CONSUL_BIN", str(server_binaries.find("consul")))
        import consul_stage

        self.cluster = consul_stage.Cluster(self.folder)
        self._quick = consul_stage.QUICK

    def close(self) -> None:
        self.cluster.close()

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.cluster.servers]

    def url(self, proxies: list[FaultProxy]) -> str:
        return f"{super().url(proxies)}?{self._quick}"

    def _processes(self, *numbers: int) -> list[Any]:
        return [self.cluster.servers[number].process for number in numbers]

    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill the cluster's leader": lambda rng: self._down([self.cluster.leader()], rng),
            "kill a server": lambda rng: self._down([rng.randrange(3)], rng),
            "kill the majority": lambda rng: self._down(rng.sample(range(3), 2), rng),
            "freeze the cluster's leader": lambda rng: self._frozen([self.cluster.leader()], rng),
            "freeze the majority": lambda rng: self._frozen(rng.sample(range(3), 2), rng),
        }

    def _down(self, numbers: list[int], rng: random.Random) -> None:
        self._servers_down(self._processes(*numbers), rng)
        self.cluster.mend()  # until all vote again: else the next fault takes the majority without meaning to

    def _frozen(self, numbers: list[int], rng: random.Random) -> None:
        self._servers_frozen(self._processes(*numbers), rng)
        self.cluster.mend()

    def _any(self) -> Any:
        return self.cluster.servers[self.cluster.leader()]

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete, "destroy the session": self._destroy}

    def _delete(self, name: str) -> None:
        with contextlib.suppress(OSError):
            self._any().ask("DELETE", f"/v1/kv/{name}/.lock")

    def _destroy(self, name: str) -> None:
        with contextlib.suppress(OSError):
            server = self._any()
            found = server.ask("GET", f"/v1/kv/{name}/.lock") or [{}]
            if found[0].get("Session"):
                server.ask("PUT", f"/v1/session/destroy/{found[0]['Session']}")

    def claims(self, name: str) -> int:
        found = self._any().ask("GET", f"/v1/kv/{name}/?recurse&consistent") or []
        return sum("Session" in pair for pair in found)


class PostgresStage(ClusterStage):
    """A primary, and a synchronous standby that takes over when the primary is killed for good."""

    elector = "postgres"
    ttl = 3.0
    bound = 25.0  # commits wait until there is a standby again
    modules = (
        "incumbent",
        "incumbent.election",
        "incumbent_postgres._backend",
        "incumbent_postgres._elector",
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

    def url(self, proxies: list[FaultProxy]) -> str:
        return f"postgres://postgres@{','.join(map(str, proxies))}/postgres"

    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill the primary": lambda rng: self._down([self.pair.primary], rng),
            "kill the standby": lambda rng: self._down([self.pair.standby], rng),
            "kill both": lambda rng: self._down([self.pair.standby, self.pair.primary], rng),
            "freeze the primary": lambda rng: self._servers_frozen([self.pair.primary], rng),
            "freeze the standby": lambda rng: self._servers_frozen([self.pair.standby], rng),
            "fail over": lambda _: self.pair.fail_over(),
        }

    def _down(self, servers: list[Any], rng: random.Random) -> None:
        for server in servers:
            server.kill()
        time.sleep(rng.random() * 2 * self.ttl)
        for server in servers:
            server.restart()

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete}

    def _delete(self, name: str) -> None:
        with contextlib.suppress(Exception):  # no server just now
            self.pair.primary.sql("DELETE FROM incumbent.election WHERE lock_id = %s", name)

    def claims(self, name: str) -> int:
        return len(self.pair.primary.sql("SELECT token FROM incumbent.election WHERE lock_id = %s", name))


STAGES: dict[str, type[Stage]] = {
    "local": LocalStage,
    "etcd": EtcdStage,
    "consul": ConsulStage,
    "postgres": PostgresStage,
}
