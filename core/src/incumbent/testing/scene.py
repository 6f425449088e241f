"""What a test of the suite acts on: a fresh election, candidates that stand for processes, bounded calls."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from incumbent import (
    Backend,
    BackendSettings,
    BackendUnavailableError,
    Capabilities,
    Claim,
    LeaderElector,
    LeaderRecord,
)

from .harness import Harness
from .journal import Journal
from .outsider import Outsider

__all__ = ["ELECTIONS", "GUARD", "Candidate", "Scene", "bounded"]

T = TypeVar("T")

#: How the names of the suite's elections begin.
ELECTIONS = "conformance/"
#: Name of the threads that calls run on.
GUARD = "incumbent-conformance"
#: Seconds that a harness may take to start, kill or restart its store.
HARNESS_LIMIT = 60.0


def bounded(limit: float, call: Callable[[], T], name: str) -> T:
    """
    Return what *call* returns or raises; fail if it takes longer than *limit* seconds.

    It runs on a daemon thread of its own: one that hangs is left behind, and costs one test only.
    """
    done: list[T] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, name=GUARD, daemon=True)
    thread.start()
    thread.join(limit)
    if raised:
        raise raised[0]
    if not done:
        raise TimeoutError(f"{name} has not returned {limit:g} s after it was called (P10)")
    return done[0]


class Candidate:
    """An elector with its own backend, as in a process of its own. Each call is bounded, and on a new thread."""

    def __init__(
        self, harness: Harness, backend: Backend, lock_id: str, candidate: str, *, journal: Journal, shown: str
    ) -> None:
        self._harness = harness
        self.backend = backend
        self.candidate = candidate
        self._journal = journal
        self._shown = shown
        limit = harness.request_timeout + harness.slack
        self.elector: LeaderElector = bounded(limit, lambda: backend.elector(lock_id, candidate), "elector()")
        self._told = threading.Event()
        self.elector.notify = self._notify

    def acquire_leadership(self) -> Claim | None:
        """Call the elector."""
        return self._bounded(self.elector.acquire_leadership, "acquire_leadership()")

    def check_leadership(self) -> Claim | None:
        """Call the elector."""
        return self._bounded(self.elector.check_leadership, "check_leadership()")

    def relinquish_leadership(self) -> bool:
        """Call the elector."""
        return self._bounded(self.elector.relinquish_leadership, "relinquish_leadership()")

    def observe_leadership(self) -> LeaderRecord:
        """Call the elector."""
        return self._bounded(self.elector.observe_leadership, "observe_leadership()")

    def close(self) -> None:
        """Close the elector."""
        self._bounded(self.elector.close, "close()")

    def close_backend(self) -> None:
        """Close the backend."""
        self._bounded(self.backend.close, "Backend.close()")

    def lead(self) -> Claim:
        """Acquire the leadership, which must be free."""
        claim = self.acquire_leadership()
        assert claim is not None, f"{self.candidate} was not elected, though nobody leads"
        return claim

    def lead_soon(self) -> Claim:
        """Acquire the leadership, which becomes free within the harness's patience, whatever fails meanwhile."""
        claim = self.wait_until_elected()
        assert claim is not None, f"{self.candidate} was not elected within {self._harness.patience:g} s"
        return claim

    def wait_until_elected(self, seconds: float | None = None) -> Claim | None:
        """Try again and again, for the harness's patience if no *seconds* are given."""
        limit = self._harness.patience if seconds is None else seconds
        for _ in ticks(self._harness, limit):
            with suppress(BackendUnavailableError):
                claim = self.acquire_leadership()
                if claim is not None:
                    return claim
        return None

    def after_outage(self, call: Callable[[], T]) -> T:
        """Return the first answer of *call*, repeated for the harness's patience while the store is unavailable."""
        for _ in ticks(self._harness, self._harness.patience):
            with suppress(BackendUnavailableError):
                return call()
        raise AssertionError(f"the store still seems unavailable {self._harness.patience:g} s after the outage")

    def forget_news(self) -> None:
        """Forget that the elector has called `notify`."""
        self._told.clear()

    def hears_news(self, seconds: float | None = None) -> bool:
        """Wait until the elector calls `notify`. Time is real here: the call comes from the elector's own thread."""
        limit = self._harness.slack if seconds is None else seconds
        return self._journal.call(self._shown, f"waits {limit:g} s for news", lambda: self._told.wait(limit))

    def _notify(self) -> None:
        self._journal.note(self._shown, "calls notify()")
        self._told.set()

    def _bounded(self, call: Callable[[], T], name: str) -> T:
        limit = self._harness.request_timeout + self._harness.slack
        return self._journal.call(self._shown, name, lambda: bounded(limit, call, name))


class Scene:
    """One test's election, and everything that the test opens; closed, and the store put right, when it ends."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.lock_id = f"{ELECTIONS}{uuid.uuid4().hex[:12]}"
        #: What happens in the test.
        self.journal = Journal(harness.clock)
        self.settings = BackendSettings(harness.ttl, harness.request_timeout, harness.clock)
        self._candidates: list[Candidate] = []
        self._put_right: list[Callable[[], None]] = []

    @property
    def capabilities(self) -> Capabilities:
        """What the backend declares."""
        return self.harness.backend_class().capabilities

    def backend(self, settings: BackendSettings | None = None) -> Backend:
        """Open a backend of its own. The test closes it, or passes it to `candidate`."""
        harness = self.harness
        limit = harness.request_timeout + harness.slack
        return bounded(limit, lambda: harness.backend(settings or self.settings), "the backend's constructor")

    def candidate(self, name: str = "a", *, lock_id: str | None = None, backend: Backend | None = None) -> Candidate:
        """Make a candidate, with a backend of its own if none is given."""
        unique = f"{name}:{uuid.uuid4().hex[:8]}"
        self.journal.name(unique, name)
        return self.namesake(unique, lock_id=lock_id, backend=backend)

    def namesake(self, unique: str, *, lock_id: str | None = None, backend: Backend | None = None) -> Candidate:
        """Make a candidate with exactly this id."""
        chosen = self.backend() if backend is None else backend
        election = self.lock_id if lock_id is None else lock_id
        shown = self.journal.name(unique, unique)
        if any(candidate.candidate == unique for candidate in self._candidates):
            shown += "'"  # a namesake
        if election != self.lock_id:
            shown += f" in …{election.removeprefix(self.lock_id)[:20]}"
        candidate = Candidate(self.harness, chosen, election, unique, journal=self.journal, shown=shown)
        self._candidates.append(candidate)
        return candidate

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.journal.note("time", f"{seconds:g} s pass")
        self.harness.advance(seconds)

    # ------------------------------------------------------------ behind the elector's back

    def expire(self) -> None:
        """End the leader's claim; where nothing but silence does that, be silent for long enough."""
        if "expire" in self.harness.cannot:
            self.advance(self.harness.patience)
            return
        self._act(lambda: self.harness.expire(self.lock_id), "expire")

    def delete(self) -> None:
        """Delete the election in the store."""
        self._act(lambda: self.harness.delete(self.lock_id), "delete")

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

    def outsider(self) -> Outsider:
        """Start a candidate in another process; it has tried once to lead."""
        return self._act(lambda: self.harness.outsider(self.lock_id, "outsider"), "outsider")

    def tool_acquires(self) -> bool:
        """Let a tool of another project try to lead."""
        return self._act(lambda: self.harness.tool_acquires(self.lock_id), "tool_acquires")

    def tool_relinquishes(self) -> None:
        """Let the tool give up what it has."""
        self._act(lambda: self.harness.tool_relinquishes(self.lock_id), "tool_relinquishes")

    def _act(self, operation: Callable[[], T], name: str) -> T:
        limited = partial(bounded, HARNESS_LIMIT, operation, f"the harness's {name}()")
        return self.journal.call("harness", f"{name}()", limited)

    # ------------------------------------------------------------ the end

    def close(self) -> None:
        """Put the store right, and close what the test opened; what that raises is another test's business."""
        for repair in reversed(self._put_right):
            self._act(repair, "repair")
        for candidate in self._candidates:
            with suppress(Exception):
                candidate.close()
        for candidate in self._candidates:
            with suppress(Exception):
                candidate.close_backend()


def ticks(harness: Harness, seconds: float) -> Iterator[None]:
    """Yield now, and again and again until *seconds* have passed on the harness's clock."""
    # Twenty to a ttl: fine enough to see a claim that ends early, coarse enough for a real server.
    step = harness.ttl / 20
    for _ in range(int(seconds / step) + 1):
        yield
        harness.advance(step)
