"""Redis as the store: a primary at an address that moves to its replica, as a virtual one does in a fail-over."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

import server_binaries

from incumbent import read_leader

from .limits import full_disk, no_descriptors
from .stages import ClusterStage, Fault

__all__ = ["RedisStage"]


class RedisStage(ClusterStage):
    """Two servers, the first of which is the primary; each candidate reaches that through a proxy of its own."""

    elector = "redis"
    ttl = 3.0
    bound = 15.0  # a server that may have forgotten a claim elects nobody for a ttl
    modules = ("incumbent", "incumbent.election", "incumbent_redis._backend", "incumbent_redis._records", "redis")

    def open(self) -> None:
        os.environ.setdefault("INCUMBENT_REDIS_BIN", str(server_binaries.find("redis")))
        import redis_stage

        self._client, self._eventually = redis_stage.client, redis_stage.eventually
        self.servers = [redis_stage.Server(self.folder / name) for name in ("one", "two")]
        for server in self.servers:
            server.start()
        self._follow()

    def close(self) -> None:
        for server in self.servers:
            server.stop()

    @property
    def ports(self) -> list[int]:
        return [self.servers[0].port]

    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill the primary": lambda rng: self._kill([0], rng),
            "kill the replica": lambda rng: self._kill([1], rng),
            "kill both": lambda rng: self._kill([0, 1], rng),
            "freeze the primary": lambda rng: self._freeze([0], rng),
            "freeze both": lambda rng: self._freeze([0, 1], rng),
            "have the primary stutter": lambda rng: self._stutter(0, rng),
            "exhaust the primary's descriptors": lambda rng: self._limit(no_descriptors, [0], rng),
            "fill the primary's disk": lambda rng: self._limit(full_disk, [0], rng),
            "empty the primary": lambda _: self._empty(),
            "fail over from a killed primary": lambda rng: self._fail_over(self.servers[0].kill, rng),
            "fail over from a frozen primary": lambda rng: self._fail_over(self.servers[0].freeze, rng),
            "fail over to an older state": self._fail_over_to_an_older_state,
        }

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete}

    def claims(self, name: str) -> int:
        return int(read_leader(f"redis://127.0.0.1:{self.servers[0].port}", name).candidate is not None)

    # ------------------------------------------------------------ what happens

    def _ask(self, server: Any, *words: str) -> Any:
        with self._client(server) as asking:
            return asking.execute_command(*words)

    def settle(self) -> None:
        self._follow()

    def _follow(self) -> None:
        """Have the second server follow the first, and wait until it does."""
        first, second = self.servers
        self._ask(first, "REPLICAOF", "NO", "ONE")
        self._ask(second, "REPLICAOF", "127.0.0.1", str(first.port))
        with self._client(second) as asking:
            self._eventually(lambda: asking.info("replication").get("master_link_status") == "up")

    def _fail_over(self, end: Callable[[], None], rng: random.Random) -> None:
        """End the primary, promote its replica, and have the address lead there; then the old one follows."""
        end()
        self._a_while(rng)
        self.servers.reverse()
        self._ask(self.servers[0], "REPLICAOF", "NO", "ONE")
        for (proxy,) in self._ways:
            proxy._server = "127.0.0.1", self.servers[0].port
            proxy.reset()
        old = self.servers[1]
        if old.running:
            old.thaw()
        else:
            old.start()
        self._follow()

    def _fail_over_to_an_older_state(self, rng: random.Random) -> None:
        """Likewise, when the replica has not heard of its primary for a while."""
        self._ask(self.servers[1], "REPLICAOF", "NO", "ONE")
        self._a_while(rng)
        self._fail_over(self.servers[0].kill, rng)

    def _empty(self) -> None:
        with contextlib.suppress(Exception):  # no server just now
            self._ask(self.servers[0], "FLUSHALL")

    def _delete(self, name: str) -> None:
        with contextlib.suppress(Exception):
            self._ask(self.servers[0], "DEL", f"{{incumbent}}:{name}")
