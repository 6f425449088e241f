"""Who is measured on which store, and how each is started."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from .servers import Place, program

__all__ = ["FLOOR", "OURS", "Peer", "command_peers", "environment", "incumbent", "peers"]

OURS, FLOOR = "incumbent", "raw loop"
HELPERS = Path(__file__).parents[1]
CHECK = "consul+check"
#: The shortest and the longest life of a claim that a store grants, seconds.
LIMITS = {"consul": (10.0, 60.0), CHECK: (2.0, 60.0)}
#: What the commands of `run` and `lock` do: they say that they lead, and which process they are.
WORK = ("sh", "-c", "echo leads $$; exec sleep 900")


@dataclass(frozen=True)
class Peer:
    """
    A kind of candidate.

    Attributes:
        name: As the tables have it.
        kind: What `bench.candidate` is to be; None for a program of its own, which is ended to hand over.
        argv: The command line of such a program, for a place and a name.
        address: Of the store, as it wants that.
        limits: The shortest and the longest ttl that it takes, seconds.
        source: The checkout whose packages are imported; None for the installed ones.
    """

    name: str
    kind: str | None = None
    argv: Callable[[Place, str, float], tuple[str, ...]] = field(default=lambda place, name, ttl: ())
    address: Callable[[Place], str] = field(default=lambda place: place.address)
    limits: tuple[float, float] = (0.0, inf)
    source: Path | None = None

    def command(self, place: Place, election: str, ttl: float, *, count: int = 1, cycles: int = 0) -> list[str]:
        """Return the command line of a process with *count* candidates."""
        ttl = min(max(ttl, self.limits[0]), self.limits[1])
        if self.kind is None:
            return [*self.argv(place, election, ttl)]
        numbers = (f"{ttl:g}", str(count), str(cycles))
        return [sys.executable, "-m", "bench.candidate", self.kind, self.address(place), election, *numbers]


def _ours(name: str, before: Path | None, address: Callable[[Place], str], scheme: str) -> Iterator[Peer]:
    limits = LIMITS.get(scheme, (0.0, inf))
    yield Peer(name, "incumbent", address=address, limits=limits)
    if before is not None:
        yield Peer(f"{name} before", "incumbent", address=address, limits=limits, source=before)


def peers(store: str, before: Path | None = None) -> list[Peer]:
    """Return who can be measured here on *store*, ours first; with a checkout of *before*, that too."""
    found = [*_ours(OURS, before, lambda place: place.url, store)]
    if store == "consul":
        found += _ours(f"{OURS}, {CHECK}", before, lambda place: place.url.replace(store, CHECK, 1), CHECK)
    found.append(Peer(FLOOR, "flock" if store == "local" else store))
    return found + [peer for library, peer in OTHERS.get(store, []) if _is_installed(library)]


def command_peers(store: str, before: Path | None = None) -> list[Peer]:
    """Return who runs a command while it leads."""
    limits = LIMITS.get(store, (0.0, inf))
    found = [Peer(f"{OURS} run", argv=_run, limits=limits)]
    if before is not None:
        found.append(Peer(f"{OURS} run before", argv=_run, limits=limits, source=before))
    return found + LOCKS.get(store, [])


def incumbent(*arguments: str) -> tuple[str, ...]:
    """Return our command line, of this interpreter."""
    return sys.executable, "-m", "incumbent", *arguments


def environment(source: Path | None = None) -> dict[str, str]:
    """Return the environment of candidates, who import what lies in *source* if it is given."""
    folders = [] if source is None else [source / "core/src", *source.glob("plugins/*/src")]
    heeded = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **heeded,
        "PYTHONPATH": os.pathsep.join(map(str, [*folders, HELPERS])),
        "ETCDCTL_API": "3",
        "COVERAGE_PROCESS_START": "",  # else it is measured in every process that a test starts
    }


def _is_installed(library: str) -> bool:
    return not library or importlib.util.find_spec(library) is not None


def _run(place: Place, election: str, ttl: float) -> tuple[str, ...]:
    return incumbent("run", "--elector", place.url, "--name", election, "--ttl", f"{ttl:g}s", "--", *WORK)


def _elect(place: Place, election: str, ttl: float) -> tuple[str, ...]:
    return program("etcd", "etcdctl"), "--endpoints", place.address, "elect", election, "etcdctl"


def _lock(place: Place, election: str, ttl: float) -> tuple[str, ...]:
    return program("etcd", "etcdctl"), "--endpoints", place.address, "lock", election, f"--ttl={ttl:g}"


def _lock_run(place: Place, election: str, ttl: float) -> tuple[str, ...]:
    return *_lock(place, election, ttl), "--", *WORK


def _consul_lock(place: Place, election: str, ttl: float) -> tuple[str, ...]:
    return (program("consul", "consul"), "lock", f"-http-addr={place.address}", "-shell=false", election, *WORK)


#: What others bring, by store; with the module that must be installed, if any.
OTHERS: Mapping[str, list[tuple[str, Peer]]] = {
    "etcd": [
        ("", Peer("etcdctl elect", argv=_elect)),
        ("", Peer("etcdctl lock", argv=_lock)),
        ("etcd3", Peer("python-etcd3 Lock", "python-etcd3")),
    ],
    "consul": [
        ("", Peer("consul lock", argv=_consul_lock)),
        ("consul", Peer("python-consul loop", "python-consul")),
    ],
    "redis": [
        ("sherlock", Peer("sherlock", "sherlock")),
        ("tooz", Peer("tooz", "tooz", address=lambda place: place.url)),
    ],
    "local": [("tooz", Peer("tooz", "tooz", address=lambda place: f"file://{place.address}"))],
}
LOCKS: Mapping[str, list[Peer]] = {
    "etcd": [Peer("etcdctl lock", argv=_lock_run)],
    "consul": [Peer("consul lock", argv=_consul_lock)],
}
