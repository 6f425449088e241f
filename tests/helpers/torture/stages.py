"""A store that elections are tortured on, and what can be done to it: `local`, and what all clusters have in common."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from incumbent import read_leader
from incumbent.testing import FaultProxy

from .crew import Slot
from .limits import full_disk, no_descriptors

__all__ = ["ClusterStage", "Fault", "LocalStage", "Stage"]

#: Does something to the store, puts it right again, and takes some time over it. Gets the ttl and a source of chance.
Fault = Callable[[random.Random], None]
#: Takes something from a process, whose number it gets, inside the block.
Limit = Callable[[int], AbstractContextManager[None]]


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

    #: The servers' processes, in the order of their ports.
    servers: list[Any]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ways: list[list[FaultProxy]] = []

    @property
    def ports(self) -> list[int]:
        """Where the servers serve clients."""
        raise NotImplementedError

    def leader(self) -> int:
        """Return the number of the server that leads the others."""
        raise NotImplementedError

    def url(self, proxies: list[FaultProxy]) -> str:
        """Return the URL of servers."""
        return f"{self.elector}://{','.join(map(str, proxies))}"

    def slot(self) -> Slot:
        proxies = [FaultProxy("127.0.0.1", port) for port in self.ports]
        self._ways.append(proxies)
        turn = len(self._ways) % len(proxies)  # so that not all prefer the same server
        return Slot(self.url(proxies[turn:] + proxies[:turn]), proxies)

    def settle(self) -> None:
        """Wait until the cluster is whole."""

    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill the cluster's leader": lambda rng: self._kill([self.leader()], rng),
            "kill a server": lambda rng: self._kill([rng.randrange(3)], rng),
            "kill the majority": lambda rng: self._kill(rng.sample(range(3), 2), rng),
            "freeze the cluster's leader": lambda rng: self._freeze([self.leader()], rng),
            "freeze the majority": lambda rng: self._freeze(rng.sample(range(3), 2), rng),
            "have a server stutter": lambda rng: self._stutter(rng.randrange(3), rng),
            "exhaust a server's descriptors": lambda rng: self._limit(no_descriptors, [rng.randrange(3)], rng),
            "fill a server's disk": lambda rng: self._limit(full_disk, [rng.randrange(3)], rng),
            "fill the disks of all servers": lambda rng: self._limit(full_disk, [0, 1, 2], rng),
        }

    def _a_while(self, rng: random.Random) -> None:
        time.sleep(rng.random() * 2 * self.ttl)

    def _kill(self, numbers: list[int], rng: random.Random) -> None:
        for number in numbers:
            self.servers[number].kill()
        self._a_while(rng)
        self._revive(numbers)

    def _revive(self, numbers: list[int]) -> None:
        """Start again who has ended."""
        servers = [self.servers[number] for number in numbers]
        for server in servers:
            if not server.running:
                server.launch()
        for server in servers:
            server.wait_until_ready()
        self.settle()

    def _freeze(self, numbers: list[int], rng: random.Random) -> None:
        for number in numbers:
            self.servers[number].freeze()
        self._a_while(rng)
        for number in numbers:
            self.servers[number].thaw()
        self.settle()

    def _stutter(self, number: int, rng: random.Random) -> None:
        """Freeze it for moments, as a slow disk does."""
        for _ in range(rng.randrange(2, 6)):
            self.servers[number].freeze()
            time.sleep(rng.uniform(0.1, 2.0))
            self.servers[number].thaw()
            time.sleep(rng.uniform(0.1, 0.5))
        self.settle()

    def _limit(self, limit: Limit, numbers: list[int], rng: random.Random) -> None:
        """Take something from servers, and have the candidates connect anew; a server may end of it."""
        with contextlib.ExitStack() as limits:
            for number in numbers:
                limits.enter_context(limit(self.servers[number].pid))
                for way in self._ways:
                    way[number].reset()
            self._a_while(rng)
        self._revive(numbers)
