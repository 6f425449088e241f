"""What a test of the suite acts on: a fresh election, its candidates, and the store behind their backs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from incumbent import Backend, BackendSettings, Capabilities, ElectionError, LeaderRecord

from .bounded import HARNESS_LIMIT, bounded, closed
from .candidate import Candidate
from .harness import Harness
from .journal import Journal
from .outsider import Outsider
from .pace import pace_of
from .relay import Relay
from .suspicion import has_done_nothing, is_not_held_back, shown
from .wall import WRONG_BY

__all__ = ["ELECTIONS", "Candidate", "Scene"]

T = TypeVar("T")

#: How the names of the suite's elections begin.
ELECTIONS = "conformance/"
#: Of a ttl: how long news may be on their way.
EARSHOT = 0.25


class Scene:
    """One test's election, and everything that the test opens; closed, and the store put right, when it ends."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.lock_id = self.fitting(f"{ELECTIONS}{uuid.uuid4().hex[:12]}")
        #: What happens in the test.
        self.journal = Journal(harness.clock)
        self.settings = BackendSettings(harness.ttl, harness.request_timeout, harness.clock)
        self._candidates: list[Candidate] = []
        self._put_right: list[Callable[[], None]] = []
        self._suspicion: str | None = None
        self._relays: list[Relay] = []
        self._outsiders: list[Outsider] = []

    @property
    def capabilities(self) -> Capabilities:
        """What the backend declares."""
        return self.harness.backend_class().capabilities

    def patient(self, request_timeout: float) -> BackendSettings:
        """Return settings with that timeout, and a ttl that suits it."""
        return replace(self.settings, request_timeout=request_timeout, ttl=max(self.settings.ttl, 4 * request_timeout))

    def backend(self, settings: BackendSettings | None = None, *, relay: Relay | None = None) -> Backend:
        """Open a backend of its own. The test closes it, or passes it to `candidate`."""
        make = partial(self.harness.backend, settings or self.settings, None if relay is None else relay.url)
        return bounded(self.harness.request_timeout + self.harness.slack, make, "the backend's constructor")

    @property
    def lasting(self) -> BackendSettings:
        """Settings for claims that nobody means to end, however slow the store and the machine are."""
        pace = pace_of(self.harness, self.settings, self.elsewhere)
        timeout = max(self.settings.request_timeout, pace.ttl / 6)  # they are answered
        settings = replace(self.settings, ttl=pace.ttl, request_timeout=timeout)
        if not pace.elects_at_once:
            self.elsewhere("waits", settings).lead_soon()
        return settings

    @property
    def earshot(self) -> float:
        """Seconds in which news reach those with `lasting` settings: some stores are looked at a few times in a ttl."""
        return self.harness.slack + EARSHOT * pace_of(self.harness, self.settings, self.elsewhere).ttl

    def elsewhere(self, name: str, settings: BackendSettings) -> Candidate:
        """Make the only candidate of an election of its own."""
        return self.candidate(name, lock_id=f"{self.lock_id}/{name}", backend=self.backend(settings))

    def candidate(self, name: str = "a", *, lock_id: str | None = None, backend: Backend | None = None) -> Candidate:
        """Make a candidate, with a backend of its own if none is given."""
        unique = self.fitting(f"{name}:{uuid.uuid4().hex[:8]}")
        self.journal.name(unique, name)
        return self.namesake(unique, lock_id=lock_id, backend=backend)

    def namesake(self, unique: str, *, lock_id: str | None = None, backend: Backend | None = None) -> Candidate:
        """Make a candidate with exactly this id."""
        return self.named(unique, self.lock_id if lock_id is None else self.fitting(lock_id), backend)

    def named(self, unique: str, election: str, backend: Backend | None = None) -> Candidate:
        """Make a candidate with exactly this id, in exactly this election."""
        chosen = self.backend() if backend is None else backend
        shown = self.journal.name(unique, unique)
        if any(candidate.candidate == unique for candidate in self._candidates):
            shown += "'"  # a namesake
        if election != self.lock_id:
            shown += f" in …{election.removeprefix(self.lock_id)[:20]}"
        candidate = Candidate(
            self.harness,
            chosen,
            election,
            unique,
            journal=self.journal,
            shown=shown,
            is_sound=lambda: not self._put_right and all(relay.is_sound for relay in self._relays),
        )
        self._candidates.append(candidate)
        return candidate

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.journal.note("time", f"{seconds:g} s pass")
        self.harness.advance(seconds)

    # ------------------------------------------------------------ behind the elector's back

    def expire(self, *lock_ids: str) -> None:
        """End the leader's claim, here or in *lock_ids*; where nothing but silence does that, be silent long enough."""
        if "expire" in self.harness.cannot:
            self.advance(self.harness.patience)
            return
        for lock_id in lock_ids or (self.lock_id,):
            self._end("expire", self.fitting(lock_id))

    def delete(self) -> None:
        """Delete the election in the store."""
        self._end("delete", self.lock_id)

    def _end(self, operation: str, lock_id: str) -> None:
        before = bounded(HARNESS_LIMIT, partial(shown, self.harness, lock_id), "the harness")
        self._act(partial(getattr(self.harness, operation), lock_id), operation)
        again = partial(has_done_nothing, self.harness, operation, lock_id, before)
        self._suspicion = bounded(HARNESS_LIMIT, again, "the harness") or self._suspicion

    def suspicion(self) -> str | None:
        """Return, when a test has failed, what the harness has not done."""
        if self._suspicion is None and self._put_right:
            operation = "freeze" if self._put_right[-1] == self.harness.thaw else "kill"
            self._suspicion = is_not_held_back(partial(self.candidate, lock_id=f"{self.lock_id}/fresh"), operation)
        return self._suspicion and self.journal.tidy(self._suspicion)

    def leader(self) -> LeaderRecord:
        """Read the leader from the store."""
        return self._act(lambda: self.harness.leader(self.lock_id), "leader")

    def claims(self) -> int:
        """Count the claims in the store."""
        return self._act(lambda: self.harness.claims(self.lock_id), "claims")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the store for the length of the block."""
        self.freeze()
        yield
        self.thaw()

    def freeze(self) -> None:
        """Freeze the store until `thaw`, or the end of the test."""
        self._put_right.append(self.harness.thaw)
        self._act(self.harness.freeze, "freeze")

    def thaw(self) -> None:
        """Thaw the store."""
        self._put_right.remove(self.harness.thaw)
        self._act(self.harness.thaw, "thaw")

    def kill(self) -> None:
        """Kill the store until `restart`, or the end of the test."""
        self._put_right.append(self.harness.restart)
        self._act(self.harness.kill, "kill")

    def restart(self, *, empty: bool = False) -> None:
        """Start the store again."""
        self._put_right.remove(self.harness.restart)
        self._act(lambda: self.harness.restart(empty=empty), "restart")

    def outsider(self, *, leader: Candidate | None = None, lock_id: str | None = None, wall: float = 0.0) -> Outsider:
        """
        Start a candidate in another process; it knows whether it leads, and *leader* has checked meanwhile.

        Its wall clock is *wall* seconds ahead.
        """

        def start() -> Outsider:
            WRONG_BY.set(wall)  # on this thread, which is the call's own
            started = self.harness.outsider(self.lock_id if lock_id is None else self.fitting(lock_id), "outsider")
            self._outsiders.append(started)
            return started

        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(self._act, start, "outsider")
            while leader is not None and wait([started], self.harness.ttl / 5).not_done:
                leader.check_leadership()
            return started.result()

    def tool_acquires(self) -> bool:
        """Let a tool of another project try to lead."""
        return self._act(lambda: self.harness.tool_acquires(self.lock_id), "tool_acquires")

    def tool_relinquishes(self) -> None:
        """Let the tool give up what it has."""
        self._act(lambda: self.harness.tool_relinquishes(self.lock_id), "tool_relinquishes")

    def relay(self) -> Relay:
        """Put a relay between the store and the backends that are to be opened through it."""
        import pytest  # noqa: PLC0415 - harnesses that need this module do without

        try:
            proxy, url = bounded(HARNESS_LIMIT, self.harness.relay, "the harness's relay()")
        except NotImplementedError as error:
            pytest.skip(f"the harness cannot relay: {error}")
        relay = Relay(proxy, url, self.journal)
        self._relays.append(relay)
        try:
            # With a timeout that the others do not have: it must not become theirs.
            backend = self.backend(self.patient(3 * self.settings.request_timeout), relay=relay)
            self.candidate("relayed", lock_id=f"{self.lock_id}/relayed", backend=backend).lead_soon()
        except ElectionError as error:
            pytest.skip(f"the store cannot be used through a relay: {error}")
        if not relay.is_used:
            pytest.skip("the store is not reached at the address that its URL names")
        return relay

    def fitting(self, name: str) -> str:
        """Return *name* with what the store does not take replaced by what it takes."""
        taken = self.harness.characters
        if taken is None:
            return name
        other = next((character for character in taken if not character.isalnum()), "0")
        return "".join(character if character in taken else other for character in name)

    def _act(self, operation: Callable[[], T], name: str) -> T:
        limited = partial(bounded, HARNESS_LIMIT, operation, f"the harness's {name}()")
        return self.journal.call("harness", f"{name}()", limited)

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """
        Put the store right, and close what the test opened; what that raises is another test's business.

        Raises:
            HangError: Something cannot be closed, though the store is sound: what was not closed then, stays open.
        """
        for outsider in self._outsiders:
            outsider.kill()  # most have ended; but a test may fail while others are being started
        for relay in self._relays:
            relay.heal()
        for repair in reversed(self._put_right):
            self._act(repair, "repair")
        self._put_right.clear()
        backends = {id(candidate.backend): candidate for candidate in self._candidates}
        closes = (
            [candidate.close for candidate in self._candidates],
            [candidate.close_backend for candidate in backends.values()],
        )
        hanging = [error for each in closes for error in closed(each)]
        for relay in self._relays:
            relay.close()
        if hanging:
            raise hanging[0]
