"""Drives any number of candidates: one timer thread, a bounded pool for backend calls, one for callbacks.

Everything that happens is an event in the runner's inbox; `Runner.step` feeds the events and the due
timers to the machines and carries out what they answer. The runner's own thread does nothing but
call `step` and sleep, so a test or a simulation can call it instead, with its own clock and executors.
A thread that has the answer of a backend, or its news, feeds them to the machine itself while the runner's
thread sleeps: who waits for it then waits for one thread less.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from typing import ClassVar

from incumbent.address import Address
from incumbent.clock import Clock, SystemClock
from incumbent.elector import Backend, BackendSettings, LeaderElector
from incumbent.errors import ElectionError
from incumbent.state import Reason

from . import ending
from . import events as ev
from .alarms import Alarms
from .attendant import Attendant, Desk
from .backends import Backends
from .calls import ask
from .candidacy import Candidacy
from .phases import Phase
from .timers import Timers
from .workers import AtOnce, Executor, Workers

__all__ = ["Runner"]

#: Threads for calls into backends, and for callbacks; those that are stuck do not count.
POOL_SIZE = 8
#: Seconds after which a running callback does not count against the pool: it may work for as long as it leads.
CALLBACK_PATIENCE = 0.5
#: Seconds after which a call does not: the longest request timeout that is chosen by default.
CALL_PATIENCE = 2.0
#: The longest sleep, seconds: by then a suspended machine, or a step of the wall clock, is noticed.
LONGEST_SLEEP = 1.0
#: Of more candidates than these, one polls about every so many seconds: where news are pushed, nothing is lost by that.
FEW, POLL_PAUSE = 10, 1.0
#: How often who waits for the threads' end looks whether they are needed again, seconds.
JOIN = 0.1


class Runner:
    """
    The engine under every facade. Thread-safe, except `step`.

    Args:
        clock: Where the time comes from.
        calls: Has the calls into backends done; None for a pool that lives as long as candidates do.
        callbacks: Has the callbacks done; likewise.
        jitter: Returns numbers in [0, 1) for the pauses between retries; None for the system's.

    Attributes:
        clock: Where the time comes from.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        calls: Executor | None = None,
        callbacks: Executor | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self._given = calls, callbacks
        self._jitter = jitter or _jitter
        #: Whoever has it is the one thread that feeds machines; taken by others only if it is free.
        self._turn = threading.Lock()
        self._lock = threading.RLock()  # a signal handler may close one election in the middle of starting another
        self._inbox: SimpleQueue[tuple[Candidacy, ev.Event]] = SimpleQueue()
        self._candidates: set[Candidacy] = set()
        self._timers = Timers()
        self._alarms = Alarms()
        self._backends = Backends()
        self._attendant = Attendant(
            Desk(
                clock=self.clock,
                jitter=self._jitter,
                timers=self._timers,
                post=self.post,
                call=lambda job: self._calls.submit(job),  # noqa: PLW0108 - there are no pools yet, and later others
                call_back=lambda job: self._callbacks.submit(job),  # noqa: PLW0108
                free=self._free,
                clear_up=self._clear_up,
            )
        )
        self._thread: threading.Thread | None = None
        self._running = False
        self._stepped = self.clock.now()
        #: When the thread that sleeps looks by itself.
        self._wakes_at = -inf

    _shared: ClassVar[dict[int, Runner]] = {}

    @classmethod
    def shared(cls) -> Runner:
        """Return the one runner of this process; a forked child has one of its own (P9)."""
        # No lock, which a fork could leave locked for ever: `setdefault` is atomic.
        return cls._shared.setdefault(os.getpid(), cls())

    # ------------------------------------------------------------ for the facades, on any thread

    def share(self, address: Address, settings: BackendSettings, backend: Backend) -> Backend:
        """Return the backend that is in use for this URL and settings; *backend* becomes it if none is."""
        return self._backends.share(address, settings, backend)

    def add(self, candidate: Candidacy) -> None:
        """Have *candidate* campaign."""
        candidate.elector.notify = partial(self._notify, candidate)
        with self._lock:
            if not self._running:
                self._calls = self._given[0] or Workers("incumbent-call", size=POOL_SIZE, patience=CALL_PATIENCE)
                self._callbacks = self._given[1] or Workers(
                    "incumbent-callback", size=POOL_SIZE, patience=CALLBACK_PATIENCE
                )
                self._callbacks.submit(lambda: None)  # so that a term does not begin with the start of a thread
                # What observers and handlers of logs do may block: that costs this thread, and none of the elections.
                self._telling: Executor = (
                    AtOnce() if any(self._given) else Workers("incumbent-observer", size=1, patience=inf)
                )
                self._start()
                self._running = True
            self._candidates.add(candidate)
        candidate.attach(self._callbacks, lambda error: self.post(candidate, ev.CallbackRaised(error)), self._telling)
        if candidate.health is not None:
            self.post(candidate, ev.Due(ev.Timer.HEALTH))
        if candidate.control is None:
            self.post(candidate, ev.Started())
        else:  # what is asked for holds for its first attempt too
            candidate.control.notify = partial(self.post, candidate, ev.Due(ev.Timer.LOOK))
            self.post(candidate, ev.Due(ev.Timer.LOOK))

    def post(self, candidate: Candidacy, event: ev.Event) -> None:
        """Put *event* into the inbox. Never blocks; also for signal handlers."""
        self._inbox.put((candidate, event))

    def _notify(self, candidate: Candidacy) -> None:
        """Post it, unless one is waiting already: "too often is harmless", says the contract."""
        if not candidate.notified:
            candidate.notified = True
            self._deliver(candidate, ev.Notified())

    def _deliver(self, candidate: Candidacy, event: ev.Event) -> None:
        """
        Handle *event* on this thread if no other one is at it, else post it. Never blocks, and calls no elector.

        Not on the main thread: a signal handler that interrupts it there, and closes an election, would wait for it.
        """
        is_main = threading.current_thread() is threading.main_thread()
        if is_main or any(self._given) or not self._inbox.empty() or not self._turn.acquire(blocking=False):
            self.post(candidate, event)
            return
        try:
            self._handle(candidate, event)
            is_early = self._next_look() < self._wakes_at
        finally:
            self._turn.release()
        if is_early:
            self.post(candidate, ev.Woken())

    def set_eligible(self, candidate: Candidacy, *, eligible: bool) -> None:
        """Have *candidate* lead no more, or let it. Its term is over when this returns. Never blocks."""
        candidate.eligible = eligible
        self._attendant.review(candidate)

    def leave(self, candidate: Candidacy) -> None:
        """Have *candidate* leave. Its term is over when this returns; the rest follows. Also for signal handlers."""
        if not candidate.finished:
            if candidate.term is not None:
                candidate.term._end(Reason.STOPPED)
            self.post(candidate, ev.StopAsked())

    def leave_all(self) -> list[Candidacy]:
        """Have all candidates leave, and return them."""
        with self._lock:
            candidates = list(self._candidates)
        for candidate in candidates:
            self.leave(candidate)
        return candidates

    def stalled(self) -> float:
        """Return for how long nothing has been looked at, seconds: the thread goes round every second."""
        return max(0.0, self.clock.now() - self._stepped)

    def join(self, timeout: float) -> bool:
        """Wait *timeout* seconds at most for the threads to end, if no candidate needs them (P8); tell if they have."""
        end = time.monotonic() + timeout
        while True:
            with self._lock:
                thread = None if self._candidates else self._thread
            if thread is None or not thread.is_alive():
                return True
            left = end - time.monotonic()
            if left <= 0.0:
                return False
            thread.join(min(left, JOIN))  # another candidate may come meanwhile, and have it go on

    # ------------------------------------------------------------ the thread

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="incumbent-runner", daemon=True)
        self._thread.start()
        ending.watch(self)

    def _loop(self) -> None:
        while True:
            with self._turn:
                pause = self.step()
            with self._lock:
                if not self._candidates and self._inbox.empty():
                    self._running = False
                    pools = self._calls, self._callbacks, self._telling
                    break
            with suppress(Empty):
                candidate, event = self._inbox.get(timeout=pause)
                with self._turn:
                    self._handle(candidate, event)
        for pool in pools:
            pool.close(LONGEST_SLEEP)

    def step(self) -> float:
        """Handle everything that has arrived or is due. Returns the seconds to sleep unless something arrives."""
        self._stepped = self.clock.now()
        with suppress(Empty):
            while True:
                self._handle(*self._inbox.get_nowait())
        now = self.clock.now()
        for candidate, timer in self._timers.due(now):
            self._handle(candidate, ev.Due(timer))
        wall = self.clock.wall()
        for key in self._alarms.due(now, wall):
            assert isinstance(key, Candidacy)
            self._handle(key, ev.RelinquishAsked(Reason.SCHEDULE))
        self._wakes_at = self._next_look()
        return max(0.0, self._wakes_at - self.clock.now())

    def _next_look(self) -> float:
        """Return when there is something to do if nothing arrives; make room for jobs that wait."""
        now, wall = self.clock.now(), self.clock.wall()
        waits = [self._alarms.wait(now, wall), self._calls.adjust(), self._callbacks.adjust(), LONGEST_SLEEP]
        return min(self._timers.first(), *(now + wait for wait in waits if wait is not None))

    def _handle(self, candidate: Candidacy, event: ev.Event) -> None:
        if isinstance(event, ev.Notified):
            candidate.notified = False  # before anything is asked: what changes from now on is news again
        elif isinstance(event, ev.Relinquished):
            candidate.given_up(self.clock.now())
            self._attendant.gave_up(candidate)
        elif self._attendant.takes(candidate, event):
            return
        elif isinstance(event, ev.Due) and event.timer is ev.Timer.HAND_OVER:
            event = ev.RelinquishAsked(Reason.REQUESTED)
        crowd = len(self._candidates)
        # A poll is set: thousands of elections would cost one each where one shared watch tells of them all.
        if crowd > FEW and isinstance(event, ev.Refused | ev.Observed):
            candidate.machine.poll_pause = crowd * POLL_PAUSE * (0.5 + self._jitter())
        try:
            for action in candidate.machine.handle(event, self.clock.now()):
                self._perform(candidate, action)
        except Exception as fault:
            error = ElectionError(f"{candidate}: fault of the engine: {type(fault).__name__}: {fault}")
            error.__cause__ = fault
            candidate.abandon()
            self._dismiss_soon(candidate, error)  # one election ends; the others on this thread go on

    def _perform(self, candidate: Candidacy, action: ev.Action) -> None:
        if isinstance(action, ev.Call):
            self._calls.submit(partial(self._call, candidate, action.verb))
        elif isinstance(action, ev.SetTimer):
            self._timers.set(candidate, action.timer, action.at)
        elif isinstance(action, ev.BeginTerm):
            candidate.begin_term(action.claim, action.deadline, self.clock)
            self._attendant.led(candidate)
            if candidate.config.schedule is not None:
                self._alarms.arm(candidate, candidate.config.schedule, self.clock.now(), self.clock.wall())
        elif isinstance(action, ev.ExtendTerm):
            if not candidate.extend_term(action.deadline, action.testament):
                self.post(candidate, ev.RelinquishAsked(Reason.NOT_RENEWED))
        elif isinstance(action, ev.EndTerm):
            self._alarms.disarm(candidate)
            done = partial(self._deliver, candidate, ev.CallbacksReturned())
            candidate.end_term(action.reason, self.clock.now(), done)
        elif isinstance(action, ev.TellLeader):
            candidate.tell_leader()
        elif isinstance(action, ev.TellFollower):
            candidate.tell_follower()
        elif isinstance(action, ev.TellRecord):
            candidate.tell_record(action.record)
            self._attendant.saw(candidate, action.record)
        elif isinstance(action, ev.CallbacksLate):
            candidate.callbacks_late(action.waited, kept=action.kept)
            if action.kept:
                self._attendant.waits(candidate)
        elif isinstance(action, ev.OutageBegan):
            candidate.outage_began(action.error)
        elif isinstance(action, ev.OutageEnded):
            candidate.outage_ended(self.clock.now())
            self._attendant.settle(candidate)
        else:
            self._dismiss_soon(candidate, action.error)

    def _dismiss_soon(self, candidate: Candidacy, error: Exception | None) -> None:
        self._alarms.forget(candidate)
        self._timers.forget(candidate)
        self._calls.submit(partial(self._dismiss, candidate, error))

    # ------------------------------------------------------------ jobs, on the pool's threads

    def _call(self, candidate: Candidacy, verb: ev.Verb) -> None:
        if verb is ev.Verb.WITHDRAW:
            candidate.withdraw()
            self.post(candidate, ev.Withdrawn())
            return
        began = self.clock.now()
        event = ask(candidate.elector, verb, self.clock, self._jitter())
        candidate.called(verb.value, self.clock.now() - began, event.error if isinstance(event, ev.Failed) else None)
        self._clear_up(candidate, candidate.elector)
        self._deliver(candidate, event)

    def _clear_up(self, candidate: Candidacy, elector: LeaderElector) -> None:
        """Close what a call that has outlived its candidate may have opened again, a claim among it."""
        if candidate.machine.phase is Phase.CLOSED:
            self._free(candidate, "elector", elector.close)
            if candidate.backend is not None and not self._backends.is_used(candidate.backend):
                self._free(candidate, "backend", candidate.backend.close)

    def _dismiss(self, candidate: Candidacy, error: Exception | None) -> None:
        """Close what *candidate* used, and let those who wait for it go."""
        plea, candidate.plea = candidate.plea, None
        notice, candidate.notice = candidate.notice, None
        for elector in (candidate.elector, candidate.control, plea, notice):
            if elector is not None:
                self._free(candidate, "elector", elector.close)
        self._free(candidate, "backend", partial(self._backends.leave, candidate.backend))
        with self._lock:
            self._candidates.discard(candidate)
        self.post(candidate, ev.Woken())  # the thread looks whether it is needed
        candidate.finish(error)

    def _free(self, candidate: Candidacy, what: str, close: Callable[[], object]) -> None:
        try:
            close()
        except Exception as failure:
            candidate.closing_failed(what, failure)


def _jitter() -> float:
    """Return a number in [0, 1). Not by `random`, whose numbers are the application's, and which imports much."""
    return int.from_bytes(os.urandom(6), "big") / 2**48
