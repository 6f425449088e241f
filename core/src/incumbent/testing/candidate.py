"""A candidate of a test, which stands for a process: an elector with a backend of its own, and bounded calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TypeVar

from incumbent import Backend, BackendUnavailableError, Claim, LeaderElector, LeaderRecord

from .bounded import bounded
from .harness import Harness
from .journal import Journal

__all__ = ["NOBODY_LEADS", "Candidate", "lead_by_news", "ticks"]

T = TypeVar("T")

#: How often a call is made that nothing but a busy machine can have kept from its answer.
TRIES = 3
#: Seconds that news may be under way.
UNDER_WAY = 0.05
#: Times that all are asked who are told of what happened before.
FEW = 2
#: How it is told that a candidate was refused without a reason.
NOBODY_LEADS = "was not elected, though nobody leads"


class Candidate:
    """
    An elector with its own backend, as in a process of its own. Each call is bounded, and on a new thread.

    One that runs into its timeout while nothing is done to the store (*is_sound*) says something of the machine, and
    nothing of the elector: it is made again, as the engine would. One that fails at once is not.
    """

    def __init__(
        self,
        harness: Harness,
        backend: Backend,
        lock_id: str,
        candidate: str,
        *,
        journal: Journal,
        shown: str,
        is_sound: Callable[[], bool],
    ) -> None:
        self._harness = harness
        self.backend = backend
        self.lock_id = lock_id
        self.candidate = candidate
        self._journal = journal
        self._shown = shown
        self._is_sound = is_sound
        #: Seconds after which a call hangs.
        self.limit = harness.request_timeout + harness.slack
        self.elector: LeaderElector = bounded(self.limit, lambda: backend.elector(lock_id, candidate), "elector()")
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

    def elections(self, limit: int) -> Collection[str]:
        """Call the backend."""
        return self._bounded(partial(self.backend.elections, limit), "Backend.elections()", self.backend.elections)

    def execute(self, testament: str) -> bool:
        """Call the backend."""
        execute = partial(self.backend.execute, self.lock_id, testament)
        return self._bounded(execute, "Backend.execute()", self.backend.execute)

    def close(self) -> None:
        """Close the elector."""
        self._bounded(self.elector.close, "close()")

    def close_backend(self) -> None:
        """Close the backend."""
        self._bounded(self.backend.close, "Backend.close()")

    def lead(self) -> Claim:
        """Acquire the leadership, which must be free."""
        claim = self.acquire_leadership()
        assert claim is not None, f"{self.candidate} {NOBODY_LEADS}"
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

    def may_have_lost(self, claim: Claim) -> bool:
        """Tell whether *claim* is so old that it may have ended by itself."""
        return self._harness.clock() - claim.sent > claim.guarantee / 2

    def forget_news(self, *, at_once: bool = False) -> None:
        """Forget that the elector has called `notify`, also for what happened before and is told only now."""
        if not at_once:
            time.sleep(UNDER_WAY)
        self._told.clear()

    @property
    def has_news(self) -> bool:
        """Whether the elector has called `notify` since they were forgotten."""
        return self._told.is_set()

    def hears_news(self, seconds: float | None = None) -> bool:
        """Wait until the elector calls `notify`. Time is real here: the call comes from the elector's own thread."""
        limit = self._harness.slack if seconds is None else seconds
        return self._journal.call(self._shown, f"waits {limit:g} s for news", lambda: self._told.wait(limit))

    def _notify(self) -> None:
        self._journal.note(self._shown, "calls notify()")
        self._told.set()

    def _bounded(self, call: Callable[[], T], name: str, method: Callable[..., T] | None = None) -> T:
        timeout = self._harness.request_timeout
        limit = self.limit
        self._journal.methods[name] = method or call
        ask = partial(self._journal.call, self._shown, name, lambda: bounded(limit, call, name))
        for _ in range(TRIES - 1):
            was_sound, began = self._is_sound(), time.monotonic()
            try:
                return ask()
            except BackendUnavailableError:
                # Some wait for half of it, so that the rest is left for what comes after.
                if not (was_sound and self._is_sound() and time.monotonic() - began >= timeout / 2):
                    raise
        return ask()


def ticks(harness: Harness, seconds: float) -> Iterator[None]:
    """Yield now, and again and again until *seconds* have passed on the harness's clock."""
    # Twenty to a ttl: fine enough to see a claim that ends early, coarse enough for a real server.
    step = harness.ttl / 20
    for _ in range(int(seconds / step) + 1):
        yield
        harness.advance(step)


def lead_by_news(leader: Candidate, waiting: Iterable[Candidate], seconds: float) -> None:
    """
    Let *leader* give up, and whoever is told ask, lead, and give up, until all of *waiting* have led.

    Not all need be told at once: where candidates stand in a queue, a hand-over is news to the next one only.
    """
    left = list(waiting)
    while left:
        for _ in range(FEW):  # what is told by now is asked about while there is a leader: it is no news of the end
            time.sleep(UNDER_WAY)
            _ask_if_told(left)
        leader.relinquish_leadership()
        leader = _elected_by_news(left, seconds)
        left.remove(leader)


def _elected_by_news(waiting: list[Candidate], seconds: float) -> Candidate:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        elected = _ask_if_told(waiting)
        if elected is not None:
            return elected
        time.sleep(0.01)
    names = ", ".join(candidate.candidate for candidate in waiting)
    raise AssertionError(f"the leader has gone, and of those who wait ({names}) none that is told is elected")


def _ask_if_told(waiting: list[Candidate]) -> Candidate | None:
    """Let each of *waiting* that is told ask, as the engine does; return who is elected."""
    for candidate in waiting:
        if candidate.has_news:
            candidate.forget_news(at_once=True)
            if candidate.acquire_leadership() is not None:
                return candidate
    return None
