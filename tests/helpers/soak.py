"""Thousands of terms in one process: threads, descriptors, memory and what the store keeps are at the end as before.

`nox -s soak -- --elector local|memory|etcd|consul --terms 10000`
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import server_binaries

from incumbent import LeaderElection, LeaderElectionConfig

#: Terms after which what is only made once has been made; and seconds between two lines of progress.
WARM, PROGRESS = 300, 5.0
#: Terms in which each measure is taken.
SAMPLES = 20
#: What memory may grow by, MiB: a timer that was replaced is kept until it is due, so for some ten seconds.
GROWTH = 8.0
#: Connections of a pool that may be opened late, when so many requests meet for the first time.
POOLED = 2


@dataclass(frozen=True)
class Measure:
    """What a process has."""

    threads: int
    descriptors: int
    mebibytes: float
    #: Leases or sessions that the server knows.
    claims: int

    @classmethod
    def take(cls, claims: int) -> Measure:
        """Measure this process now."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            threading.active_count(),
            len(list(Path("/proc/self/fd").iterdir())),
            pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            claims,
        )

    def least(self, other: Measure) -> Measure:
        """Return the smaller of each: what is there in the middle of a term comes and goes."""
        return Measure(*(min(pair) for pair in zip(astuple(self), astuple(other), strict=True)))


class Store:
    """Where the elections are held: nothing to start."""

    def __init__(self, url: str) -> None:
        self.url = url

    def claims(self) -> int:
        """Count the leases or sessions that the server knows."""
        return 0

    def close(self) -> None:
        """End the server."""


class EtcdStore(Store):
    """A server of etcd."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))
        from incumbent_etcd._server import Etcd

        self.server = Etcd(folder)
        self.server.start()
        super().__init__(f"etcd://127.0.0.1:{self.server.port}")

    def claims(self) -> int:
        return len(self.server.ctl("lease", "list").splitlines()) - 1

    def close(self) -> None:
        self.server.stop()


class ConsulStore(Store):
    """A server of Consul."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("INCUMBENT_CONSUL_BIN", str(server_binaries.find("consul")))
        from incumbent_consul.testing import ConsulServer

        self.server = ConsulServer(directory=folder)
        self.server.start()
        super().__init__(f"consul://{self.server}")

    def claims(self) -> int:
        return len(self.server.ask("GET", "/v1/session/list"))

    def close(self) -> None:
        self.server.stop()


STORES = {
    "memory": lambda folder: Store("memory://soak"),
    "local": lambda folder: Store(f"local://{folder}/state"),
    "etcd": EtcdStore,
    "consul": ConsulStore,
}


def soak(elector: str, terms: int, folder: Path) -> tuple[Measure, Measure, float]:
    """Lead *terms* times; return what was measured when warm and at the end, and how long it took."""
    store = STORES[elector](folder)
    counted, last, shrunk = threading.Semaphore(0), 0, []

    def elected(term) -> None:
        nonlocal last
        if term.token <= last:
            shrunk.append(term.token)
        last = term.token
        counted.release()

    config = LeaderElectionConfig(
        "soak", relinquish_interval=None, cooldown=0, on_elected=elected, leader_callback=lambda e: e.relinquish()
    )
    began = said = time.monotonic()
    try:
        with LeaderElection(config, store.url):

            def lead(times: int) -> None:
                nonlocal said
                for _ in range(times):
                    assert counted.acquire(timeout=60), "no further term"
                    if time.monotonic() - said > PROGRESS:
                        said = time.monotonic()
                        print(f"token {last}", flush=True)

            def measured() -> Measure:
                measure = Measure.take(store.claims())
                for _ in range(SAMPLES):
                    lead(1)
                    measure = measure.least(Measure.take(measure.claims))
                return measure

            lead(WARM)
            warm = measured()
            lead(terms - WARM)
            end = measured()
    finally:
        store.close()
    assert not shrunk, f"tokens do not grow (P4): {shrunk[:5]}"
    return warm, end, time.monotonic() - began


def grown(warm: Measure, end: Measure) -> list[str]:
    """Return what there is more of; a leak leaves something for each of hundreds of terms."""
    limits = Measure(warm.threads, warm.descriptors + POOLED, warm.mebibytes + GROWTH, warm.claims)
    return [field.name for field in fields(Measure) if getattr(end, field.name) > getattr(limits, field.name)]


def main() -> int:
    """Return 0 if nothing has grown."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--elector", choices=sorted(STORES), required=True)
    parser.add_argument("--terms", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="incumbent-soak-") as folder:
        warm, end, took = soak(args.elector, args.terms, Path(folder))
    print(f"{args.elector}: {args.terms} terms in {took:.0f} s\n  after {WARM}: {warm}\n  at the end: {end}")
    more = grown(warm, end)
    print("nothing has grown" if not more else f"GROWN: {', '.join(more)}")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
