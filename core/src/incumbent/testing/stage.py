"""A stage for tests of applications: their own elections, with a store and a clock that obey the test."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from incumbent.elector import BackendSettings
from incumbent.electors.memory import MemoryBackend, MemoryElector, MemoryStore
from incumbent.engine import events as ev
from incumbent.engine.candidacy import Candidacy
from incumbent.engine.runner import Runner
from incumbent.engine.workers import AtOnce
from incumbent.errors import InvalidStateError
from incumbent.state import Reason
from incumbent.term import Term

from .clock import FakeClock

__all__ = ["Stage"]

#: The id of the candidate that leads after `lose`.
RIVAL = "another"
#: Real seconds: how long the application's threads are waited for, and how often it is looked whether they are done.
PATIENCE, LOOK = 30.0, 0.001
#: Virtual seconds: what passes between two looks at a candidate that does not lead yet; the shortest step.
TICK, STEP = 0.1, 0.001


class Stage:
    """
    Elections of this process as a test wants them: won, lost, cut off, handed over, and none of it waits for time.

    While it is open, every election that this process makes runs on the clock of the stage, which stands still unless
    the test moves it, and at `url` on a store that obeys the test. The application is not changed: it is only told
    that URL. Where a method returns, the engine has done all that was to be done at that time: who lost leads no more.
    The application's own threads, callbacks and coroutines run as ever; wait for what they do. They sleep in real time,
    unless by `Term.wait`, and so do the timeouts of `wait_for_leadership` and `close`.

    Thread-safe, and can be called from within the application's code too, but for a callback of an observer.
    pytest has it as the fixture `incumbent_stage`; elsewhere use it in a `with` block.

    Attributes:
        url: Where the elections are held: nobody else's store.
        clock: The time. To move it by itself, unlike `advance`, is to suspend the process for as long.
    """

    def __init__(self) -> None:
        self.url = f"memory://stage-{secrets.token_hex(4)}"
        self.clock = FakeClock()
        self._store = MemoryStore.named(self.url.rpartition("/")[2])
        # One call at a time, on the engine's own thread: when that rests, nothing is on its way.
        self._runner = Runner(self.clock, calls=AtOnce(), jitter=lambda: 0.5)
        self._runner._inbox = self._inbox = _Inbox()
        self._before: Runner | None = None

    def __enter__(self) -> Stage:
        self._before = Runner._shared.get(os.getpid())
        Runner._shared[os.getpid()] = self._runner
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """
        Have all candidates leave.

        Raises:
            AssertionError: A callback goes on 30 real seconds after its term has ended; says which.
        """
        if self._before is None:
            del Runner._shared[os.getpid()]
        else:
            Runner._shared[os.getpid()] = self._before
        self._store.start()
        left, end = self._runner.leave_all(), time.monotonic() + PATIENCE
        for candidate in left:
            while not candidate.has_finished(LOOK) and time.monotonic() < end:
                self.advance(TICK)
        self._runner.join(max(LOOK, end - time.monotonic()))
        late = [f"{each.dispatcher.current} of {each.elector.lock_id!r}" for each in left if not each.finished]
        if late and error is None:
            raise AssertionError(f"{', '.join(late)} has not returned {PATIENCE:g} s after its term ended")

    def advance(self, seconds: float) -> None:
        """
        Let *seconds* pass, and all that becomes due in them be done in its order: checks, retries, schedules.

        Raises:
            ValueError: *seconds* is negative.
        """
        if not seconds >= 0.0:
            raise ValueError(f"time does not go back: advance({seconds!r})")
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 0.0:
            self.clock.advance(min(left, max(self._settle(), STEP)))
        self._settle()

    def win(self, lock_id: str | int) -> Term:
        """
        Have a candidate of this process lead, and return its term.

        Another one that `lose` has put in front gives up. A candidate that is still being made, or whose callbacks of
        the term before have not returned, is waited for, for 30 real seconds; while one stands aside, time passes.

        Raises:
            AssertionError: None leads after that; says why.
        """
        name, end = str(lock_id), time.monotonic() + PATIENCE
        if self._store.holder(name).candidate == RIVAL:
            self._store.delete(name)
        while True:
            self._settle()
            mine = self._candidates(name)
            for candidate in mine:
                term = candidate.term
                if term is not None and term.is_valid():
                    return term
            if time.monotonic() >= end:
                why = "; ".join(str(each.situation(self.clock.now(), 0.0)) for each in mine) or "it has no candidate"
                raise AssertionError(f"nobody in this process leads {name!r} after {PATIENCE:g} s: {why}")
            if mine:
                self.advance(TICK)
            time.sleep(LOOK)

    def lose(self, lock_id: str | int) -> None:
        """
        Have another candidate lead from now on, until `win`: it takes the claim, whoever has it.

        A leader in this process has lost when this returns, with `Reason.LOST`; but not in an `outage`, which keeps it
        from knowing.
        """
        settings = BackendSettings(ttl=inf, request_timeout=inf, clock=self.clock.now)
        rival = MemoryElector(str(lock_id), RIVAL, MemoryBackend.capabilities, self._store, settings)
        self._store.seize(rival, self.clock.now)
        self._settle()

    def hand_over(self, lock_id: str | int) -> None:
        """
        Have the leader in this process hand over, as an operator asks for it.

        Its term is over when this returns. Its claim is given up when its callbacks have returned (P6).

        Raises:
            InvalidStateError: None leads.
        """
        leading = [each for each in self._candidates(str(lock_id)) if each.leads is not None]
        if not leading:
            raise InvalidStateError(f"nobody in this process leads {str(lock_id)!r}: call win() first")
        for candidate in leading:
            self._runner.post(candidate, ev.RelinquishAsked(Reason.REQUESTED))
        self._settle()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """
        Have the store refuse every request while the block lasts.

        Nothing is noticed until time passes: `advance`. After the block enough of it passes for everybody to ask again.
        """
        self._store.stop()
        try:
            yield
        finally:
            self._store.start()
            self.advance(max((each.config.follower_check_interval for each in self._candidates()), default=0.0))

    # ------------------------------------------------------------ inside

    def _candidates(self, name: str | None = None) -> list[Candidacy]:
        with self._runner._lock:
            return [each for each in self._runner._candidates if name in (None, each.elector.lock_id)]

    def _settle(self) -> float:
        """Wait until the engine has done what there is to do; return the seconds until there is more."""
        pause = self._inbox.settle(lambda: self._runner._running)
        for candidate in self._candidates():
            term = candidate.term
            if term is not None:
                with term._ended:  # who sleeps by `Term.wait` looks at the clock at once
                    term._ended.notify_all()
        return pause


class _Inbox(SimpleQueue[Any]):
    """Where the engine waits for events; here one can wait until it does, and have it look at the clock."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: The seconds until something is due, while the engine rests.
        self._rests: float | None = None
        self._looks = False

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add *item*."""
        with self._changed:
            self._rests = None
            super().put(item, block, timeout)
            self._changed.notify_all()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ARG002 - it always waits
        """Return the next item, or raise `Empty`; *timeout* is virtual, but the engine goes round in real time too."""
        with self._changed:
            if timeout and self.empty() and not self._looks:
                self._rests = timeout
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._looks or not self.empty(), timeout)
            self._rests, self._looks = None, False
            return super().get_nowait()

    def settle(self, runs: Callable[[], bool]) -> float:
        """Have the engine look at the clock, and wait until it rests again, or does not run at all."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            self._rests, self._looks = None, True
            self._changed.notify_all()
            while self._rests is None and runs():
                if time.monotonic() >= end:
                    raise AssertionError(f"the engine has not come to rest in {PATIENCE:g} s: an observer holds it up")
                self._changed.wait(LOOK)
            return inf if self._rests is None else self._rests
