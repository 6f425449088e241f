"""The elector `consul+check`: its sessions live as long as a check that this process passes at one agent.

A session with a ttl of its own ends after twice that, and servers grant no less than 10 s. A check's ttl is exact, and
may be short. The price: the agent must live too. It ends the session when it dies, and lock-delay protects the term.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import quote

from incumbent import (
    Address,
    BackendSettings,
    BackendUnavailableError,
    Capabilities,
    ConfigurationError,
    ElectionError,
)

from ._backend import ConsulBackend
from ._errors import SessionGoneError
from ._options import HELP, LONGEST_LOCK_DELAY
from ._session import SessionKind

__all__ = ["CheckBackend"]

#: What the ids of our checks begin with: one that is critical belongs to nobody who lives, and is removed.
PREFIX = "incumbent-session-"
SHORTEST_TTL = 2.0
#: Seconds between two tries to create a session: the agent tells the servers of a new check on its own thread.
TRY = 0.02


class CheckBackend(ConsulBackend):
    """One way to one Consul agent."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = replace(
        ConsulBackend.capabilities, ttl_range=(SHORTEST_TTL, LONGEST_LOCK_DELAY)
    )
    options: ClassVar[Mapping[str, str]] = MappingProxyType(
        {name: text for name, text in HELP.items() if name != "session-ttl-min"}
    )
    harness: ClassVar[str | None] = "incumbent_consul.testing:CheckHarness"
    lasts: ClassVar[float] = 1.0

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        super().__init__(address, settings)
        if len(self.told.endpoints) > 1:
            raise ConfigurationError(f"{address}: give one agent: a check lives and dies with it")

    def _session_kind(self) -> SessionKind:
        return _CheckSessions(self)


class _CheckSessions:
    """Sessions that end when their check is critical, or the agent's host is taken for dead."""

    def __init__(self, backend: ConsulBackend) -> None:
        self._client = backend.client
        self._ttl = f"{math.ceil(backend.settings.ttl * 1000)}ms"
        self._lock_delay = f"{math.ceil(backend.told.lock_delay * 1000)}ms"
        self._patience = backend.settings.request_timeout
        #: The check of each session, and that of the one to come.
        self._checks: dict[str, str] = {}
        self._next: str | None = None

    def create(self) -> str:
        if self._next is None:
            self._remove_the_dead()
            self._next = f"{PREFIX}{uuid.uuid4()}"
        check = self._next  # the same as before, if that attempt failed: the servers may know of it by now
        self._ask("PUT", "register", {"ID": check, "Name": "incumbent", "TTL": self._ttl, "Status": "passing"})
        session = self._created(check)
        self._checks[session], self._next = check, None
        return session

    def renew(self, session: str) -> bool:
        check = self._checks.get(session)
        if check is None:
            return False
        with suppress(SessionGoneError):  # it does not know the check any more
            self._ask("PUT", f"pass/{check}")
        return True

    def lives(self, session: str) -> bool:
        # A check that was critical for a moment can be passed again; its session is gone.
        info = self._client.request("GET", f"/v1/session/info/{session}", params=[("consistent", "1")])
        if info:
            return True
        self._drop(session)
        return False

    def end(self, session: str) -> None:
        try:
            self._client.destroy_session(session)
        finally:
            self._drop(session)

    def _created(self, check: str) -> str:
        description = {
            "Name": "incumbent",
            "LockDelay": self._lock_delay,
            "Behavior": "release",
            "Checks": ["serfHealth", check],
        }
        end = time.monotonic() + self._patience
        while True:
            try:
                return self._client.create_session(description)
            except BackendUnavailableError as error:
                if "Missing check" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(TRY)

    def _remove_the_dead(self) -> None:
        """Remove checks that were left by processes which were killed: the agent keeps them for ever."""
        with suppress(ElectionError):
            known: Any = self._client.request("GET", "/v1/agent/checks")
            for check, state in known.items() if isinstance(known, dict) else ():
                if check.startswith(PREFIX) and isinstance(state, dict) and state.get("Status") == "critical":
                    self._deregister(check)

    def _drop(self, session: str) -> None:
        """Remove the check of *session*, and no other: the next session may be in the making."""
        check = self._checks.pop(session, None)
        if check is not None:
            self._deregister(check)

    def _deregister(self, check: str) -> None:
        with suppress(ElectionError):
            self._ask("PUT", f"deregister/{quote(check, safe='')}")

    def _ask(self, method: str, path: str, body: object = None) -> None:
        self._client.request(method, f"/v1/agent/check/{path}", "" if body is None else json.dumps(body))
