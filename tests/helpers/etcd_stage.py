"""A stage for the tests on etcd: waiting with a deadline, `etcdctl elect` as a process, a cluster with broken wires."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from patience import PATIENCE, durations, eventually, lead

from incumbent import LeaderElection, LeaderElectionConfig
from incumbent.testing import FaultProxy, free_port
from incumbent_etcd.testing import Etcd, binary

__all__ = [
    "BRIEF",
    "INCUMBENT",
    "PATIENCE",
    "REQUEST_TIMEOUT",
    "SHORT",
    "TTL",
    "Cluster",
    "Elect",
    "Etcd",
    "Overlaps",
    "candidates",
    "config",
    "eventually",
    "keys",
    "lead",
    "leader_of",
    "leases",
    "revoke",
    "settings",
]

T = TypeVar("T")

#: Short, so that neither a fail-over nor silence is waited for long.
TTL, REQUEST_TIMEOUT = 3.0, 1.0
#: The command line, as it is installed for this interpreter.
INCUMBENT = [sys.executable, "-c", "import sys; from incumbent.cli import main; sys.exit(main())"]


settings, SHORT, BRIEF = durations(TTL, REQUEST_TIMEOUT)


def keys(server: Etcd, name: str) -> dict[str, str]:
    """Return the keys of an election by candidate, as etcdctl shows them."""
    lines = server.ctl("get", "--prefix", f"{name}/").splitlines()
    return dict(zip(lines[1::2], lines[::2], strict=True))


def leases(server: Etcd) -> set[str]:
    """Return the ids of all leases."""
    return set(server.ctl("lease", "list").splitlines()[1:])


class Elect:
    """`etcdctl elect NAME VALUE`: leads as soon as it has printed its key and value. A context manager."""

    def __init__(self, server: Etcd, name: str, value: str = "", *, listen: bool = False) -> None:
        words = ["-l", name] if listen else [name, value]
        self._process = subprocess.Popen(
            [binary("etcdctl"), "--endpoints", f"127.0.0.1:{server.port}", "elect", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Elect:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))

    @property
    def leads(self) -> bool:
        return len(self.lines) >= 2 and self._process.poll() is None

    def resign(self) -> None:
        self._process.terminate()
        self._end()

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)


class Cluster:
    """Three members whose traffic to each other, and from the clients, goes through proxies."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        names = ("one", "two", "three")
        ports = {name: free_port() for name in names}
        self.peers = {name: self._peer(name, ports) for name in names}
        self.urls = {name: f"http://{proxy}" for name, proxy in self.peers.items()}
        self.members = {
            name: Etcd(
                folder / name,
                name=name,
                peers=self.urls,
                listen_peer=f"http://127.0.0.1:{ports[name]}",
                arguments=arguments,
            )
            for name in names
        }
        self.clients = {name: FaultProxy("127.0.0.1", member.port) for name, member in self.members.items()}
        try:
            for member in self.members.values():
                member.launch()
            for member in self.members.values():
                member.wait_until_ready()
        except Exception:
            self.close()
            raise

    def _peer(self, name: str, ports: dict[str, int]) -> FaultProxy:
        """Make what other members reach this one through."""
        return FaultProxy("127.0.0.1", ports[name])

    def url(self, *names: str) -> str:
        return "etcd://" + ",".join(str(self.clients[name]) for name in names or self.members)

    def leader(self) -> str:
        """Return the name of the member that leads the others."""

        def found() -> str | None:
            for name, member in self.members.items():
                if member.running and _is_leader(member):
                    return name
            return None

        name = eventually(found)
        assert name is not None
        return name

    def followers(self) -> list[str]:
        leader = self.leader()
        return [name for name in self.members if name != leader]

    def mend(self) -> None:
        """Put everything right again, and wait until it serves."""
        for proxy in (*self.peers.values(), *self.clients.values()):
            proxy.heal()
        for member in self.members.values():
            if member.running:
                member.thaw()
            else:
                member.launch()
        for member in self.members.values():
            member.wait_until_ready()

    def close(self) -> None:
        for proxy in (*self.peers.values(), *self.clients.values()):
            proxy.heal()
        for member in self.members.values():
            member.stop()
        for proxy in (*self.peers.values(), *self.clients.values()):
            proxy.close()


def _is_leader(member: Etcd) -> bool:
    try:
        return member.metrics().get("etcd_server_is_leader") == 1.0
    except OSError:
        return False


def revoke(server: Etcd, lease: str) -> None:
    """End a lease, which may have expired meanwhile."""
    try:
        server.ctl("lease", "revoke", lease)
    except subprocess.CalledProcessError:
        if lease in leases(server):
            raise


# ---------------------------------------------------------------- elections, and who leads them


def config(name: str, **values: object) -> LeaderElectionConfig:
    return LeaderElectionConfig(name, **{"ttl": TTL, "request_timeout": 0.4, "relinquish_interval": None, **values})


class Overlaps:
    """Counts how many candidates hold a term at once, as their callbacks see it."""

    def __init__(self) -> None:
        self.worst = 0
        self.terms: list[int] = []
        self._valid: list[object] = []
        self._lock = threading.Lock()

    def elected(self, term) -> None:
        with self._lock:
            self._valid = [*[other for other in self._valid if other.is_valid()], term]
            self.worst = max(self.worst, len(self._valid))
            self.terms.append(term.token)

    def assert_none(self) -> None:
        assert self.worst <= 1, "two valid terms at once"
        assert self.terms == sorted(set(self.terms)), "tokens must grow"


@contextmanager
def candidates(name: str, *urls: str, **values: object) -> Iterator[tuple[list[LeaderElection], Overlaps]]:
    """Run one candidate for each URL."""
    overlaps = Overlaps()
    with ExitStack() as stack:
        elections = [LeaderElection(config(name, on_elected=overlaps.elected, **values), url) for url in urls]
        for election in elections:
            stack.enter_context(election)
        leader_of(elections)
        yield elections, overlaps
        overlaps.assert_none()


def leader_of(elections: list[LeaderElection]) -> LeaderElection:
    """Wait until one of them leads."""
    return eventually(lambda: next((election for election in elections if election.is_leader()), None))
