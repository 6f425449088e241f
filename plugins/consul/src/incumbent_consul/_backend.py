"""The elector `consul`: what it can do, its options, and what the electors of one backend share."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

from incumbent import (
    Address,
    BackendSettings,
    Capabilities,
    Finding,
    LeaderElector,
    yes,
)
from incumbent.toolkit import BackendBase, Sessions

from ._client import Client
from ._elector import ConsulElector
from ._errors import SessionGoneError
from ._layout import FLAGS, Keys, Pair, term_of
from ._options import HELP, LONGEST_LOCK_DELAY, SERVER_TTL_MIN, Options
from ._session import Session, SessionKind
from ._watch import Watchers

__all__ = ["ConsulBackend"]


class ConsulBackend(BackendBase):
    """One way to one Consul cluster."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("a blocking query"),
        observe=yes(),
        candidates=yes("those of this library; who runs `consul lock` is listed while it leads"),
        fencing_across_restarts=yes("the index of Consul's log"),
        expiry=yes(),
        interoperates=yes("consul lock, and the Lock of Consul's Go library"),
        info=yes("on a second line of the key's value"),
        listing=yes("those whose key is there"),
        testament=yes("the key is unlocked, and no lock-delay follows, unless somebody has written to it meanwhile"),
        ttl_range=(SERVER_TTL_MIN, LONGEST_LOCK_DELAY),
    )
    options: ClassVar[Mapping[str, str]] = HELP
    harness: ClassVar[str | None] = "incumbent_consul.testing:ConsulHarness"
    ttl_advice: ClassVar[str] = " (if the servers say less, say so with the option session-ttl-min)"
    #: After how many ttls without a renewal a session ends.
    lasts: ClassVar[float] = 2.0

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        self.told = Options.read(address, settings, os.environ)
        if self.told.ttl_min != SERVER_TTL_MIN:
            allowed = (self.told.ttl_min, LONGEST_LOCK_DELAY)
            self.capabilities = replace(type(self).capabilities, ttl_range=allowed)  # type: ignore[misc]
        super().__init__(address, settings)
        #: Seconds for which the servers keep a claim: after them a session may be gone, and its lock-delay over.
        self.guarantee = min(settings.ttl, self.told.lock_delay)
        self.client = Client(self.told, settings.request_timeout)
        self.sessions = Sessions(lambda: Session(self.client, self._session_kind(), settings.clock, settings.ttl))
        self.watchers = Watchers(self.client, self.told.prefix, settings.ttl)
        self.client.pool.moved = self.watchers.restart

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        return ConsulElector(
            lock_id,
            candidate,
            self,
            client=self.client,
            keys=Keys.of(self.told.prefix, lock_id),
            sessions=self.sessions,
            watchers=self.watchers,
            guarantee=self.guarantee,
        )

    def _elections(self, limit: int) -> Collection[str]:
        prefix = self.told.prefix
        names = (Keys.election(key, prefix) for key in self.client.names(prefix))
        return sorted({name for name in names if name})[:limit]

    def _execute(self, lock_id: str, testament: str) -> bool:
        term = term_of(testament)
        if term is None:
            return False
        session, index = term
        key = Keys.of(self.told.prefix, lock_id).lock
        try:  # the session is left to expire: ended while it has the key, it would bring the lock-delay
            return isinstance(self.client.unlock(key, session, FLAGS, modify_index=index, remove=True), Pair)
        except SessionGoneError:
            return False

    def _begin(self) -> None:
        self.client.load()  # which may take longer than a request may

    def _end(self) -> None:
        """Unlock what is still locked, end the sessions, and close all connections."""
        self.close_electors()  # first, so that no lock-delay follows
        pool, sessions = self.client.pool, self.sessions.take()
        for session in sessions:
            session.close()
        pool.close()
        self.watchers.close(pool.timeout)
        for session in sessions:
            session.keep_alive.join(pool.timeout)

    def diagnose(self) -> Iterable[Finding]:
        """Look at each endpoint, the limits, the token and TLS."""
        from ._diagnosis import findings  # noqa: PLC0415 - only the doctor needs it

        return findings(self.told, self.settings, guarantee=self.guarantee, lasts=self.lasts)

    # ------------------------------------------------------------ inside

    def _session_kind(self) -> SessionKind:
        return _TtlSessions(self)


class _TtlSessions:
    """Sessions that end when they are not renewed for their ttl; in fact for twice that."""

    def __init__(self, backend: ConsulBackend) -> None:
        self._client = backend.client
        self._description = {
            "Name": "incumbent",
            "TTL": f"{math.ceil(backend.settings.ttl)}s",
            "LockDelay": f"{math.ceil(backend.told.lock_delay * 1000)}ms",
            "Behavior": "release",
            "Checks": [],  # else a rumour about the agent's host ends the session
        }

    def create(self) -> str:
        return self._client.create_session(self._description)

    def renew(self, session: str) -> bool:
        return self._client.renew_session(session)

    def lives(self, session: str) -> bool:  # noqa: ARG002 - `renew` has shown that
        return True

    def end(self, session: str) -> None:
        self._client.destroy_session(session)
