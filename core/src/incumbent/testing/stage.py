"""A stage for tests of applications: their own elections, with a store and a clock that obey the test."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from types import TracebackType
from weakref import WeakKeyDictionary

from incumbent.address import Address
from incumbent.elector import Backend, BackendSettings
from incumbent.electors.memory import MemoryBackend, MemoryElector, MemoryStore
from incumbent.engine import events as ev
from incumbent.engine.candidacy import Candidacy
from incumbent.engine.runner import Runner
from incumbent.engine.workers import AtOnce
from incumbent.errors import ConfigurationError, InvalidStateError
from incumbent.state import Reason
from incumbent.term import Term

from .clock import FakeClock
from .inbox import Inbox

__all__ = ["Stage"]

#: The id of the candidate that leads after `lose`.
RIVAL = "another"
#: Real seconds: how long the application's threads are waited for, and how often it is looked whether they are done.
PATIENCE, LOOK = 30.0, 0.001
#: Real seconds that a callback may take before time goes on without it.
GRACE = 0.1
#: Virtual seconds: what passes between two looks at a candidate that does not lead yet; the shortest step.
TICK, STEP = 0.1, 0.001


class Stage:
    """
    Elections of this process as a test wants them: won, lost, cut off, handed over, and none of it waits for time.

    While it is open, every election that this process makes runs on the clock of the stage, which stands still unless
    the test moves it, and at `url` on a store that obeys the test. The application is not changed: it is only told
    that URL, and refused at another one when it starts. Where a method returns, the engine has done all that was to be
    done at that time: who lost leads no more. Callbacks have a moment to return before time goes on; for what the
    application does else, wait as you always would. It sleeps in real time, unless by `Term.wait`, and so do the
    timeouts of `wait_for_leadership` and `close`.

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
        self._inbox = Inbox(PATIENCE, self._passes)
        self._runner = _Runner(self.url, self.clock, self._inbox)
        self._before: Runner | None = None
        #: The callback of each candidate that was waited for in vain.
        self._working: WeakKeyDictionary[Candidacy, object] = WeakKeyDictionary()

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
            ValueError: *seconds* is negative, or without end.
        """
        if not 0.0 <= seconds < inf:
            raise ValueError(f"advance({seconds!r}): give a number of seconds, 0 or more; time does not go back")
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 0.0:
            self.clock.advance(min(left, max(self._settle(), STEP)))
        self._settle()

    def win(self, lock_id: str | int) -> Term:
        """
        Have a candidate of this process lead, and return its term, which the application may have ended since.

        Another one that `lose` has put in front gives up. A candidate that is still being made, or whose callbacks of
        the term before have not returned, is waited for, for 30 real seconds; while one stands aside, time passes.

        Raises:
            AssertionError: None leads after that; says why.
        """
        name, end = str(lock_id), time.monotonic() + PATIENCE
        last = self._runner.won.get(name)
        over = None if last is None or last.is_valid() else last
        if self._store.holder(name).candidate == RIVAL:
            self._store.delete(name)
        while True:
            self._settle()
            term = self._runner.won.get(name)
            if term is not None and term is not over:
                return term
            mine = self._candidates(name)
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

        Nothing is noticed until time passes: `advance`. After the block enough of it passes for everybody to ask again;
        within it, enough for who closes an election to give up.
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

    def _passes(self, seconds: float) -> bool:
        """Let *seconds* pass if a candidate leaves that no store answers: `close` is not to last in real time."""
        machines = [candidate.machine for candidate in self._candidates()]
        if self._store.is_up or not any(each.stopping and each.told for each in machines):
            return False
        self.clock.advance(seconds)
        return True

    def _settle(self) -> float:
        """Wait until the engine has done what there is to do; return the seconds until there is more."""
        while True:
            pause = self._inbox.settle(lambda: self._runner._running)
            candidates = self._candidates()
            for term in filter(None, (each.term for each in candidates)):
                with term._ended:  # who sleeps by `Term.wait` looks at the clock at once
                    term._ended.notify_all()
            if not any(self._has_returned(each) for each in candidates):
                return pause

    def _has_returned(self, candidate: Candidacy) -> bool:
        """Give a callback that runs a moment to return, so that time does not run ahead of it; tell if it has."""
        dispatcher = candidate.dispatcher
        if not dispatcher._running or dispatcher.is_inside():
            return False
        seen, since = None, time.monotonic()
        while dispatcher._running:
            now, current = time.monotonic(), dispatcher._current
            if current is not seen:
                seen, since = current, now
            if current is not None and current is self._working.get(candidate):
                return False
            if now >= since + (PATIENCE if current is None else GRACE):  # it may have got no thread yet
                self._working[candidate] = current  # it works for as long as it leads: it is not waited for again
                return False
            time.sleep(LOOK)
        return True


class _Runner(Runner):
    """The engine of a stage. One call at a time, on its own thread: when that rests, nothing is on its way."""

    def __init__(self, url: str, clock: FakeClock, inbox: Inbox) -> None:
        super().__init__(clock, calls=AtOnce(), jitter=lambda: 0.5)
        self._inbox = inbox
        self._url = url
        #: The last term of each election that was won here.
        self.won: dict[str, Term] = {}

    def add(self, candidate: Candidacy) -> None:
        """Add *candidate*, and note each of its terms."""

        def note() -> None:
            if candidate.term is not None:
                self.won[candidate.elector.lock_id] = candidate.term

        candidate._watchers.append(note)
        super().add(candidate)

    def share(self, address: Address, settings: BackendSettings, backend: Backend) -> Backend:
        """Refuse an election elsewhere: neither its claim nor its time would obey."""
        if address != Address.parse(self._url):
            raise ConfigurationError(f"{address}: on a stage elections are at stage.url: give the application that one")
        return super().share(address, settings, backend)
