"""etcd as the store, in a cluster of three members, with users whose tokens soon expire."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

import server_binaries

from incumbent.testing import FaultProxy

from .stages import ClusterStage, Fault

__all__ = ["EtcdStage"]

ROOT = {"ETCDCTL_USER": "root:root-password"}
#: A token is good for 2 s after its last use; the database may grow to that size, which is filled in such pieces.
QUOTA, PIECE = 8 << 20, 1 << 20
ARGUMENTS = (
    *("--auth-token", "simple", "--auth-token-ttl", "2", "--bcrypt-cost", "4"),
    *("--quota-backend-bytes", str(QUOTA)),
)


class EtcdStage(ClusterStage):
    """etcd; its servers reach each other through proxies, too."""

    elector = "etcd"
    ttl = 3.0
    bound = 15.0
    modules = ("incumbent", "incumbent.election", "incumbent_etcd._backend", "incumbent_etcd._elector")
    #: A member that led and was stopped revokes leases which its successor has renewed (etcd#15247).
    betrays = frozenset({"freeze the cluster's leader", "freeze the majority", "have a server stutter"})

    def open(self) -> None:
        os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))
        from .wires import WiredCluster

        self.cluster = WiredCluster(self.folder, *ARGUMENTS)
        self.servers = list(self.cluster.members.values())
        for server in self.servers:  # from now on, who is new joins
            server.command += ["--initial-cluster-state", "existing"]
        first = self.servers[0]
        first.ctl("role", "add", "candidate")
        first.ctl("role", "grant-permission", "--prefix=true", "candidate", "readwrite", "job")
        first.ctl("user", "add", "app:app-password")
        first.ctl("user", "grant-role", "app", "candidate")
        first.enable_users("root-password")

    def close(self) -> None:
        self.cluster.close()

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.servers]

    def url(self, proxies: list[FaultProxy]) -> str:
        return super().url(proxies).replace("://", "://app:app-password@")

    def leader(self) -> int:
        return list(self.cluster.members).index(self.cluster.leader())

    def _leader(self) -> Any:
        return self.servers[self.leader()]

    def faults(self) -> Mapping[str, Fault]:
        return {
            **super().faults(),
            "kill all servers": lambda rng: self._kill([0, 1, 2], rng),
            "fill the store's quota": self._fill_quota,
            "cut the cluster's leader off its peers": lambda rng: self._part(rng, deaf=True, mute=True),
            "make the cluster's leader deaf to its peers": lambda rng: self._part(rng, deaf=True),
            "make the cluster's leader mute to its peers": lambda rng: self._part(rng, mute=True),
            "cut the link between two servers": lambda rng: self._part(rng, deaf=True, mute=True, others=1),
            "move the cluster's leadership": self._move,
            "compact and defragment": lambda _: self._compact(),
            "remove a member and add it again": self._replace,
            "expire all tokens": lambda _: self._expire_tokens(),
        }

    # ------------------------------------------------------------ etcdctl

    def _ctl(self, server: Any, *words: str) -> str:
        return str(server.ctl(*words, environment=ROOT))

    def _insist(self, server: Any, *words: str, done: Callable[[], bool] | None = None) -> None:
        """Run etcdctl until it succeeds, or it is *done*: members may be choosing a leader, and answers be lost."""
        import etcd_stage

        def attempt() -> bool:
            succeeds = False
            with contextlib.suppress(subprocess.CalledProcessError):
                self._ctl(server, *words)
                succeeds = True
            with contextlib.suppress(subprocess.CalledProcessError):
                return succeeds if done is None else done()
            return False

        etcd_stage.eventually(attempt, 60.0)

    # ------------------------------------------------------------ faults

    def _part(self, rng: random.Random, *, deaf: bool = False, mute: bool = False, others: int = 2) -> None:
        name = self.cluster.leader()
        peers = rng.sample([other for other in self.cluster.members if other != name], others)
        if deaf:
            self.cluster.deafen(name, peers)
        if mute:
            self.cluster.silence(name, peers)
        self._a_while(rng)
        self.cluster.rewire()

    def _move(self, rng: random.Random) -> None:
        for _ in range(rng.randrange(1, 6)):
            with contextlib.suppress(subprocess.CalledProcessError):  # it has just moved by itself
                leader = self._leader()
                members = self._ctl(leader, "member", "list").splitlines()
                followers = [line.split(",")[0] for line in members if f" {leader.name}," not in line]
                self._ctl(leader, "move-leader", rng.choice(followers))
            time.sleep(rng.random())

    def _compact(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # compacted just before
            leader = self._leader()
            revision = self._ctl(leader, "endpoint", "status", "--write-out", "json").partition('"revision":')[2]
            self._ctl(leader, "compact", revision.partition(",")[0])
            self._ctl(leader, "defrag")

    def _fill_quota(self, rng: random.Random) -> None:
        """Write until etcd takes no more, and make room again."""
        leader = self._leader()
        with contextlib.suppress(subprocess.CalledProcessError):
            for _ in range(2 * QUOTA // PIECE):
                self._put_piece(leader)
        self._a_while(rng)
        self._insist(leader, "del", "junk")
        self._compact()
        self._make_room(*self.servers)

    def _make_room(self, *servers: Any) -> None:
        for server in servers:
            self._insist(server, "defrag")
        self._insist(servers[0], "alarm", "disarm", done=lambda: not self._ctl(servers[0], "alarm", "list").strip())

    def _put_piece(self, server: Any) -> None:
        """Write one piece; it comes on stdin, since an argument cannot be so long."""
        from incumbent_etcd.testing import binary

        command = [binary("etcdctl"), "--endpoints", f"127.0.0.1:{server.port}", "put", "junk"]
        piece = b"x" * PIECE
        subprocess.run(command, input=piece, env={**os.environ, **ROOT}, capture_output=True, check=True)

    def _replace(self, rng: random.Random) -> None:
        gone, other = rng.sample(self.servers, 2)
        rows = self._ctl(other, "member", "list").splitlines()
        number = next(row.split(",")[0] for row in rows if f" {gone.name}," in row)
        self._insist(other, "member", "remove", number, done=lambda: self._members(other) == 2)
        gone.stop()
        time.sleep(rng.random() * self.ttl)
        peer = f"--peer-urls={self.cluster.urls[gone.name]}"
        self._insist(other, "member", "add", gone.name, peer, done=lambda: self._members(other) == 3)
        shutil.rmtree(gone._data)
        self._join(gone)
        self._make_room(gone)  # a quota that was filled before is filled again where all is written once more
        gone.wait_until_ready()

    def _join(self, server: Any) -> None:
        """Start it until it is a member: etcd ends if its peers do not tell it at once who they are."""
        import etcd_stage

        def attempt() -> bool:
            if not server.running:
                server.launch()
            with contextlib.suppress(subprocess.CalledProcessError):
                return bool(self._ctl(server, "endpoint", "status"))
            return False

        etcd_stage.eventually(attempt, 60.0)

    def _members(self, server: Any) -> int:
        return len(self._ctl(server, "member", "list").splitlines())

    def _expire_tokens(self) -> None:
        """Switch users off and on: no token of before is good any more."""
        leader = self._leader()
        for what, status in (("disable", "false"), ("enable", "true")):
            done = f"Authentication Status: {status}"
            self._insist(leader, "auth", what, done=lambda done=done: done in self._ctl(leader, "auth", "status"))

    # ------------------------------------------------------------ an operator

    def operations(self) -> Mapping[str, Callable[[str], None]]:
        return {"delete": self._delete, "revoke": self._revoke}

    def _delete(self, name: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # no quorum just now
            self._ctl(self._leader(), "del", "--prefix", f"{name}/")

    def _revoke(self, name: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            node = self._leader()
            keys = self._ctl(node, "get", "--prefix", f"{name}/", "--keys-only", "--sort-by", "CREATE", "--limit", "1")
            self._ctl(node, "lease", "revoke", keys.strip().rpartition("/")[2])

    def claims(self, name: str) -> int:
        return len(self._ctl(self.servers[0], "get", "--prefix", f"{name}/", "--keys-only").split())
