"""The backend `etcd://`: what all elections of a process share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from incumbent import (
    Address,
    Backend,
    BackendSettings,
    Capabilities,
    ConfigurationError,
    Finding,
    LeaderElector,
    yes,
)

from ._connection import Connection
from ._elector import EtcdElector
from ._greenlets import check_grpc
from ._library import check_fork
from ._options import HELP, LONGEST_TTL, SHORTEST_TTL, Options, whole_ttl
from ._session import Sessions
from ._watch import Watcher

__all__ = ["EtcdBackend"]

#: etcd refuses requests that are longer than 1.5 MiB, and files of keys are no place for novels.
LONGEST_NAME = 4096


class EtcdBackend(Backend):
    """One connection, one stream of watches, and as a rule one lease."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("a watch on the key before ours"),
        observe=yes(),
        candidates=yes(),
        fencing_across_restarts=yes("revisions are stored"),
        expiry=yes(),
        interoperates=yes("etcdctl elect, and all who use etcd's concurrency.Election"),
        ttl_range=(SHORTEST_TTL, LONGEST_TTL),
    )
    options: ClassVar[Mapping[str, str]] = HELP
    harness: ClassVar[str | None] = "incumbent_etcd.testing:EtcdHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        check_grpc()
        check_fork()
        self._shown = str(address)
        self.ttl = whole_ttl(settings)
        self.settings = settings
        self.connection = Connection(Options.of(address), settings.request_timeout)
        self.watcher = Watcher(self.connection, settings.clock)
        self.connection.on_rotation = self.watcher.reset
        self.sessions = Sessions(self.connection, self.ttl, settings.clock)

    def __repr__(self) -> str:
        return f"<EtcdBackend {self._shown}>"

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector for *candidate* in election *lock_id*."""
        if len(self.connection.options.prefix + lock_id) > LONGEST_NAME:
            raise ConfigurationError(f"etcd: the name of an election may have {LONGEST_NAME} characters at most")
        return EtcdElector(
            lock_id,
            candidate,
            self.capabilities,
            connection=self.connection,
            sessions=self.sessions,
            watcher=self.watcher,
            clock=self.settings.clock,
        )

    def close(self) -> None:
        """Revoke the leases, and end the connection."""
        if self.connection.is_foreign:
            return
        # While the stream of watches is open, gRPC has the thread that it needs to revoke: at Python's end it gets none
        # any more.
        sessions = self.sessions.close()
        self.watcher.close()
        self.connection.close()
        for session in sessions:
            session.wait()

    def diagnose(self) -> Iterable[Finding]:
        """Look at each server, the versions, the certificates and the ttl."""
        from ._diagnosis import findings  # noqa: PLC0415 - seldom needed

        return findings(self.connection, self.settings, self.ttl)
