"""Consul as the store, in a cluster of three servers."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

import server_binaries

from incumbent.testing import FaultProxy

from .stages import ClusterStage, Fault

__all__ = ["ConsulStage"]


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

    @property
    def servers(self) -> list[Any]:
        return [server.process for server in self.cluster.servers]

    def leader(self) -> int:
        return self.cluster.leader()

    def faults(self) -> Mapping[str, Fault]:
        return {**super().faults(), "have a server leave the cluster and join it again": self._replace}

    def settle(self) -> None:
        self.cluster.mend()  # until all vote again: else the next fault takes the majority without meaning to

    def _replace(self, rng: random.Random) -> None:
        server = rng.choice(self.cluster.servers)
        with contextlib.suppress(OSError):  # it may end before it has answered
            server.ask("PUT", "/v1/agent/leave")
        server.process.stop()
        self._a_while(rng)
        self.settle()

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
