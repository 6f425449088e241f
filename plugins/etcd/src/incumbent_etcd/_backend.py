"""The backend `etcd://`: what all elections of a process share."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

from incumbent import (
    Address,
    BackendSettings,
    Capabilities,
    ConfigurationError,
    Finding,
    LeaderElector,
    yes,
)
from incumbent.toolkit import BackendBase, Sessions

from ._connection import Connection
from ._elector import EtcdElector
from ._errors import senseless
from ._greenlets import check_grpc
from ._layout import Election, keys_below, names_of, term_of
from ._library import check_fork, load
from ._options import HELP, LONGEST_TTL, SHORTEST_TTL, Options
from ._session import Session, end
from ._watch import Watcher

__all__ = ["EtcdBackend"]

#: etcd refuses requests that are longer than 1.5 MiB, and files of keys are no place for novels.
LONGEST_NAME = 4096


class EtcdBackend(BackendBase):
    """One connection, one stream of watches, and as a rule one lease."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("a watch on the key before ours"),
        observe=yes(),
        candidates=yes(),
        fencing_across_restarts=yes("revisions are stored"),
        expiry=yes(),
        interoperates=yes("etcdctl elect, and all who use etcd's concurrency.Election"),
        info=yes("on a second line of the key's value, which other tools show as it is"),
        listing=yes("those that have candidates"),
        testament=yes("the key is deleted if it is still the one that was created then"),
        ttl_range=(SHORTEST_TTL, LONGEST_TTL),
    )
    options: ClassVar[Mapping[str, str]] = HELP
    harness: ClassVar[str | None] = "incumbent_etcd.testing:EtcdHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        check_grpc()
        check_fork()
        super().__init__(address, settings)
        self.ttl = math.ceil(settings.ttl)  # whole seconds, never less than asked for
        self.connection = Connection(Options.of(address), settings.request_timeout)
        self.watcher = Watcher(self.connection, settings.clock)
        self.connection.on_rotation = self.watcher.reset
        self.sessions = Sessions(lambda: Session(self.connection, self.ttl, settings.clock))

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        if len(self.connection.options.prefix + lock_id) > LONGEST_NAME:
            raise ConfigurationError(f"etcd: the name of an election may have {LONGEST_NAME} characters at most")
        return EtcdElector(
            lock_id,
            candidate,
            self,
            connection=self.connection,
            sessions=self.sessions,
            watcher=self.watcher,
        )

    def _elections(self, limit: int) -> Collection[str]:
        connection, prefix = self.connection, self.connection.options.prefix
        found: set[str] = set()
        after = b""
        while len(found) < limit:
            answer = connection.read("Range", keys_below(connection.rpc, prefix, after))
            found |= names_of(answer.kvs, prefix)
            if not answer.more:
                break
            if not answer.kvs:
                raise senseless("nothing, and more")
            after = answer.kvs[-1].key + b"\0"
        return sorted(found)[:limit]

    def _execute(self, lock_id: str, testament: str) -> bool:
        term = term_of(testament)
        if term is None:
            return False
        lease, revision = term
        election = Election(self.connection.rpc, self.connection.options.prefix, lock_id)
        return bool(self.connection.call("Txn", election.delete(election.key(lease), revision)).succeeded)

    def _begin(self) -> None:
        load()  # which takes longer than a request may

    def _end(self) -> None:
        """Revoke the leases, and end the connection."""
        # While the stream of watches is open, gRPC has the thread that it needs to revoke: at Python's end it gets none
        # any more.
        sessions = self.sessions.take()
        end(sessions)
        self.watcher.close()
        self.connection.close()
        for session in sessions:
            session.wait()

    def diagnose(self) -> Iterable[Finding]:
        """Look at each server, the versions, the certificates and the ttl."""
        from ._diagnosis import findings  # noqa: PLC0415 - seldom needed

        return findings(self.connection, self.settings, self.ttl)
