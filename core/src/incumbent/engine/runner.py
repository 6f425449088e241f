"""Drives any number of candidates: one timer thread, a bounded pool for backend calls, one for callbacks.

Everything that happens is an event in the runner's inbox; `Runner.step` feeds the events and the due
timers to the machines and carries out what they answer. The runner's own thread does nothing but
call `step` and sleep, so a test or a simulation can call it instead, with its own clock and executors.
A thread that has the answer of a backend, or its news, feeds them to the machine itself while the runner's
thread sleeps: who waits for it then waits for one thread less.
"""

from __future__ import annotations

import heapq
import itertools
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
from incumbent.elector import Backend, BackendSettings, LeaderElector, LeaderRecord
from incumbent.errors import ElectionError
from incumbent.state import Reason

from . import ending
from . import events as ev
from .alarms import Alarms
from .calls import ask
from .candidacy import Candidacy
from .phases import PUSH_FACTOR, Phase
from .steering import LOOK
from .workers import AtOnce, Executor, Workers

__all__ = ["Runner"]

#: Threads for calls into backends, and for callbacks; those that are stuck do not count.
POOL_SIZE = 8
#: The timers that are none of the machine's.
BESIDE = (ev.Due(ev.Timer.LOOK), ev.Due(ev.Timer.HEALTH), ev.Due(ev.Timer.ASK))
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
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, Candidacy, ev.Timer]] = []
        self._valid: dict[tuple[Candidacy, ev.Timer], int] = {}
        self._alarms = Alarms()
        self._backends: dict[tuple[Address, BackendSettings], tuple[Backend, int]] = {}
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
        with self._lock:
            known, users = self._backends.get((address, settings), (backend, 0))
            self._backends[address, settings] = known, users + 1
            return known

    def add(self, candidate: Candidacy) -> None:
        """Have *candidate* campaign."""
        candidate.elector.notify = partial(self._notify, candidate)
        with self._lock:
            if not self._running:
                self._calls = self._given[0] or Workers("incumbent-call", size=POOL_SIZE, patience=CALL_PATIENCE)
                self._callbacks = self._given[1] or Workers(
                    "incumbent-callback", size=POOL_SIZE, patience=CALLBACK_PATIENCE
                )
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

        Not for the application's threads: a signal handler may interrupt one that has a lock of the pools.
        """
        if any(self._given) or not self._inbox.empty() or not self._turn.acquire(blocking=False):
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
        self._review(candidate)

    def _review(self, candidate: Candidacy) -> None:
        """Carry out whether it may lead."""
        self.post(candidate, ev.AsideAsked(candidate.aside_until))
        self.post(candidate, ev.FitnessChanged())
        if not candidate.may_lead:
            if candidate.term is not None:
                candidate.term._end(Reason.NOT_ELIGIBLE)
            self.post(candidate, ev.RelinquishAsked(Reason.NOT_ELIGIBLE))

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
        while self._timers and self._timers[0][0] <= now:
            _, number, candidate, timer = heapq.heappop(self._timers)
            if self._valid.get((candidate, timer)) == number:
                del self._valid[candidate, timer]
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
        first = self._timers[0][0] if self._timers else inf
        return min(first, *(now + wait for wait in waits if wait is not None))

    def _handle(self, candidate: Candidacy, event: ev.Event) -> None:
        if isinstance(event, ev.Notified):
            candidate.notified = False  # before anything is asked: what changes from now on is news again
        elif isinstance(event, ev.Relinquished):
            candidate.given_up(self.clock.now())
        elif isinstance(event, ev.RequestSeen | ev.HealthSaid | ev.FitnessChanged) or event in BESIDE:
            if candidate.machine.phase is not Phase.CLOSED:  # else it would go on for ever
                self._attend(candidate, event)
            return
        elif isinstance(event, ev.Due) and event.timer is ev.Timer.HAND_OVER:
            event = ev.RelinquishAsked(Reason.REQUESTED)
        crowd = len(self._candidates)
        if crowd > FEW:  # else thousands of elections would cost a poll each where one shared watch tells of them all
            candidate.machine.poll_pause = crowd * POLL_PAUSE * (0.5 + self._jitter())
        try:
            for action in candidate.machine.handle(event, self.clock.now()):
                self._perform(candidate, action)
        except Exception as fault:
            error = ElectionError(f"{candidate}: fault of the engine: {type(fault).__name__}: {fault}")
            error.__cause__ = fault
            candidate.abandon()
            self._dismiss_soon(candidate, error)  # one election ends; the others on this thread go on

    def _attend(self, candidate: Candidacy, event: ev.Event) -> None:
        """Do what goes on beside the machine: looking for requests, and asking for the candidate's health."""
        if isinstance(event, ev.RequestSeen):
            self._asked(candidate, event)
        elif isinstance(event, ev.HealthSaid):
            self._hear_health(candidate, event)
        elif isinstance(event, ev.FitnessChanged):
            self._settle(candidate)
        elif event == ev.Due(ev.Timer.LOOK):
            if candidate.looks:  # an older answer must not come after a newer one
                candidate.looks_again = True
            else:
                candidate.looks, candidate.looks_again = True, False
                self._calls.submit(partial(self._look, candidate))
        elif event == ev.Due(ev.Timer.ASK):
            self._plead(candidate)
        else:
            self._ask_health(candidate)

    def _perform(self, candidate: Candidacy, action: ev.Action) -> None:
        if isinstance(action, ev.Call):
            self._calls.submit(partial(self._call, candidate, action.verb))
        elif isinstance(action, ev.SetTimer):
            number = self._valid[candidate, action.timer] = next(self._numbers)
            heapq.heappush(self._timers, (action.at, number, candidate, action.timer))
        elif isinstance(action, ev.BeginTerm):
            candidate.begin_term(action.claim, action.deadline, self.clock)
            if candidate.steering is not None:
                candidate.steering.led()
                self._steer(candidate)
            self._saw_term(candidate, None)
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
            if candidate.steering is not None:
                candidate.steering.saw(action.record, self.clock.now())
                self._steer(candidate)
            is_other = action.record.candidate not in (None, candidate.elector.candidate)
            self._saw_term(candidate, action.record.token if is_other else None)
        elif isinstance(action, ev.CallbacksLate):
            candidate.callbacks_late(action.waited, kept=action.kept)
        elif isinstance(action, ev.OutageBegan):
            candidate.outage_began(action.error)
        elif isinstance(action, ev.OutageEnded):
            candidate.outage_ended(self.clock.now())
            self._settle(candidate)
        else:
            self._dismiss_soon(candidate, action.error)

    def _asked(self, candidate: Candidacy, seen: ev.RequestSeen) -> None:
        """Take who asks for what, and look again when that is told, or after a while."""
        assert candidate.steering is not None
        candidate.looks = False
        now = self.clock.now()
        pushes = bool(candidate.elector.capabilities.push)
        pause = candidate.config.follower_check_interval
        if pushes:
            pause = max(PUSH_FACTOR * pause, candidate.machine.poll_pause)
        if seen.record is not None and candidate.is_succeeded(seen.record):
            pause = LOOK
        if candidate.looks_again:
            pause = 0.0
        self._perform(candidate, ev.SetTimer(ev.Timer.LOOK, now + pause))
        if seen.record is not None or seen.refusal is not None:
            candidate.not_steered(seen.refusal)
            candidate.steering.asked(seen.record or LeaderRecord(candidate.elector.lock_id, None, None), now)
            if seen.candidates is not None:
                candidate.steering.listed(seen.candidates)
            self._steer(candidate)
        if not candidate.has_looked:
            candidate.has_looked = True
            self.post(candidate, ev.Started())

    def _steer(self, candidate: Candidacy) -> None:
        """Carry out what follows from the present request."""
        assert candidate.steering is not None
        orders = candidate.orders
        self._valid.pop((candidate, ev.Timer.HAND_OVER), None)
        if orders.hand_over_at is not None:
            self._perform(candidate, ev.SetTimer(ev.Timer.HAND_OVER, orders.hand_over_at))
        self.post(candidate, ev.AsideAsked(candidate.aside_until))

    def _saw_term(self, candidate: Candidacy, term: int | None) -> None:
        """Take which term of another's there is."""
        asking = candidate.asking
        if asking is not None and asking.saw(term, self.clock.now()):
            self._stop_pleading(candidate)
            self._await_asking(candidate, asking.at)

    def _settle(self, candidate: Candidacy) -> None:
        """Have it follow for a while before it asks for the office."""
        asking = candidate.asking
        if asking is not None:
            self._stop_pleading(candidate)
            asking.settle(self.clock.now())
            self._await_asking(candidate, asking.at)

    def _plead(self, candidate: Candidacy) -> None:
        """Ask for the office, or stop asking."""
        asking, now = candidate.asking, self.clock.now()
        assert asking is not None
        if candidate.plea is not None:
            self._stop_pleading(candidate)
            asking.stopped()
        elif candidate.may_ask and asking.term is not None:
            candidate.plea = candidate.new_plea()
            self._calls.submit(partial(self._ask, candidate, candidate.plea))
            asking.asks(now)
        else:
            asking.settle(now)
        self._await_asking(candidate, asking.at)

    def _await_asking(self, candidate: Candidacy, at: float) -> None:
        self._valid.pop((candidate, ev.Timer.ASK), None)
        if at < inf:
            self._perform(candidate, ev.SetTimer(ev.Timer.ASK, at))

    def _stop_pleading(self, candidate: Candidacy) -> None:
        plea, candidate.plea = candidate.plea, None
        if plea is not None:
            self._calls.submit(partial(self._free, candidate, "elector", plea.close))

    def _ask_health(self, candidate: Candidacy) -> None:
        health, config = candidate.health, candidate.config
        assert health is not None
        was_good, look = health.is_good, health.look()
        self._perform(candidate, ev.SetTimer(ev.Timer.HEALTH, self.clock.now() + config.health_interval))
        self._callbacks.submit(partial(self._listen, candidate, look))
        if health.is_good is not was_good:
            self._review(candidate)

    def _hear_health(self, candidate: Candidacy, said: ev.HealthSaid) -> None:
        health = candidate.health
        assert health is not None
        was_good = health.is_good
        health.said(said.look, is_good=said.is_good)
        if health.is_good is not was_good:
            self._review(candidate)

    def _dismiss_soon(self, candidate: Candidacy, error: Exception | None) -> None:
        self._alarms.forget(candidate)
        for timer in ev.Timer:
            self._valid.pop((candidate, timer), None)
        self._calls.submit(partial(self._dismiss, candidate, error))

    # ------------------------------------------------------------ jobs, on the pool's threads

    def _listen(self, candidate: Candidacy, look: int) -> None:
        """Ask the application whether this candidate is fit to lead."""
        assert candidate.config.health is not None
        try:
            is_good = bool(candidate.config.health())
        except Exception:
            is_good = False
        self.post(candidate, ev.HealthSaid(look, is_good))

    def _look(self, candidate: Candidacy) -> None:
        """Read who asks for what."""
        assert candidate.control is not None
        event = ask(candidate.control, ev.Verb.OBSERVE, self.clock, self._jitter())
        record = event.record if isinstance(event, ev.Observed) else None
        refusal = event.error if isinstance(event, ev.Failed) and event.permanent else None
        named = record is not None and candidate.is_succeeded(record)
        self._clear_up(candidate, candidate.control)
        self.post(candidate, ev.RequestSeen(record, refusal, candidate.listed() if named else None))

    def _ask(self, candidate: Candidacy, plea: LeaderElector) -> None:
        """Have the request there, if none is; once only."""
        event = ask(plea, ev.Verb.ACQUIRE, self.clock, self._jitter())
        if isinstance(event, ev.Failed) and event.permanent:
            candidate.not_asking(event.error)
        if not isinstance(event, ev.Granted) or candidate.plea is not plea:
            self._free(candidate, "elector", plea.close)
        self._clear_up(candidate, plea)

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
            with self._lock:
                is_used = any(known is candidate.backend for known, _ in self._backends.values())
            if candidate.backend is not None and not is_used:
                self._free(candidate, "backend", candidate.backend.close)

    def _dismiss(self, candidate: Candidacy, error: Exception | None) -> None:
        """Close what *candidate* used, and let those who wait for it go."""
        plea, candidate.plea = candidate.plea, None
        for elector in (candidate.elector, candidate.control, plea):
            if elector is not None:
                self._free(candidate, "elector", elector.close)
        self._free(candidate, "backend", partial(self._unshare, candidate.backend))
        with self._lock:
            self._candidates.discard(candidate)
        self.post(candidate, ev.Woken())  # the thread looks whether it is needed
        candidate.finish(error)

    def _free(self, candidate: Candidacy, what: str, close: Callable[[], object]) -> None:
        try:
            close()
        except Exception as failure:
            candidate.closing_failed(what, failure)

    def _unshare(self, backend: Backend | None) -> None:
        with self._lock:
            key = next((key for key, (known, _) in self._backends.items() if known is backend), None)
            if key is None:
                return
            known, users = self._backends.pop(key)
            if users > 1:
                self._backends[key] = known, users - 1
                return
        known.close()


def _jitter() -> float:
    """Return a number in [0, 1). Not by `random`, whose numbers are the application's, and which imports much."""
    return int.from_bytes(os.urandom(6), "big") / 2**48
