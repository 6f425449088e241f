"""One candidate on the runner: its machine, elector and term, and what its callbacks and observers are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Protocol, TypeVar

from incumbent.clock import Clock
from incumbent.config import LeaderElectionConfig, lifetime
from incumbent.elector import OBSERVER, Backend, Claim, LeaderElector, LeaderRecord
from incumbent.instrumentation import (
    CallbackLate,
    Called,
    ClosingFailed,
    Deposed,
    Elected,
    HandedOver,
    NotAsking,
    NotSteered,
    OutageBegan,
    OutageEnded,
    Renewed,
    Waiting,
)
from incumbent.situation import Situation
from incumbent.state import Reason, State
from incumbent.term import LONGEST_WAIT, Term

from .asking import Asking
from .dispatch import Dispatcher
from .health import Health
from .machine import Machine, Phase, Timing
from .namesake import Namesake
from .steering import COURTESY, LONGEST_COURTESY, PAUSE, PREFER, Orders, Request, Steering, control_name
from .telling import Teller
from .workers import Executor

if TYPE_CHECKING:
    from incumbent.errors import CallbackError

__all__ = ["Candidacy", "Listeners"]

T = TypeVar("T")


class Will(Protocol):
    """Whoever is told what ends the present term, should this process die."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What keeps the claim while it is open."""

    def leave(self, testament: str) -> None:
        """Take that of the present term, in place of the one before. Never blocks."""


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """The application's callbacks, bound to what they are called with."""

    leader: Callable[[], object] | None = None
    follower: Callable[[], object] | None = None
    elected: Callable[[Term], object] | None = None
    deposed: Callable[[Term, Reason], object] | None = None
    #: Returns when the work of asyncio has ended that was to last as long as the term.
    settle: Callable[[], object] | None = None
    leader_changed: Callable[[LeaderRecord], object] | None = None
    will: Will | None = None


class Candidacy:
    """
    What the runner keeps of one candidate.

    Only the runner's threads change it; any thread may read `state`, `term`, `error`, `finished` and
    wait for `changed`, which is notified when they change. *watchers* are called then, and must not block.
    """

    def __init__(
        self,
        config: LeaderElectionConfig,
        elector: LeaderElector,
        backend: Backend | None,
        listeners: Listeners,
        watchers: list[Callable[[], None]],
        *,
        eligible: bool = True,
    ) -> None:
        self.config = config
        self.elector = elector
        self.backend = backend
        self.listeners = listeners
        #: Where requests are looked for, and what follows from them; None if they are not heeded.
        self.control: LeaderElector | None = None
        self.steering: Steering | None = None
        self.has_looked = False
        #: Whether a look is out, and whether it is out of date already.
        self.looks = self.looks_again = False
        #: When it asks for the office, and what it asks with; None if it does not.
        self.asking: Asking | None = None
        self.plea: LeaderElector | None = None
        if config.steering and backend is not None and elector.capabilities.observe:
            self.control = backend.elector(control_name(elector.lock_id), elector.candidate)
            told = COURTESY + (0.0 if elector.capabilities.push else config.follower_check_interval)
            self.steering = Steering(
                elector.candidate,
                max(told, LONGEST_COURTESY) if elector.capabilities.candidates else told,
                told=told,
                preference=config.preference or 0,
                head_start=config.head_start,
                min_term=config.min_term,
            )
            if config.preference:  # nobody is lower than 0
                self.asking = Asking(config.min_term, 2 * told)
        self.machine = Machine(_timing(config, elector, listeners))
        self.term: Term | None = None
        self.error: Exception | None = None
        self.finished = False
        #: Whether a notification of the elector has not been looked at yet.
        self.notified = False
        self.changed = threading.Condition()
        #: Whether it may lead at all, and is fit to.
        self.eligible = eligible
        self.health = None if config.health is None else Health(config.health_failures)
        self.machine.aside_until = self.aside_until
        #: What is to be told of it from the next term on; what is in the present one.
        self._info: str | None = None
        self._term_info: str | None = None
        self._watchers = watchers
        self.dispatcher: Dispatcher
        self._teller = Teller(elector.lock_id, elector.candidate, config.observer)
        #: Whether it may read requests, as far as anybody knows.
        self._is_steered = True
        self._is_asking = True
        #: Whether the observers know that it waits.
        self._waits = False
        #: The term that ended last, why, and when.
        self._ended: tuple[Term, Reason, float] | None = None
        self._announced: Term | None = None
        self._record: LeaderRecord | None = None
        self._reported: tuple[str | None, int | None] | None = None
        self._namesake = Namesake(elector.candidate, config.ttl)

    def __repr__(self) -> str:
        return f"<{self.elector.candidate} of {self.elector.lock_id}>"

    def attach(self, executor: Executor, failed: Callable[[CallbackError], None], telling: Executor) -> None:
        """Say where the callbacks run, who is told when one raises, and where the observers are called, in order."""
        self.dispatcher = Dispatcher(executor, failed)
        self._teller.attach(telling)

    @property
    def aside_until(self) -> float:
        """Until when it is not to be elected: because of a request, or because it is not eligible."""
        if not self.may_lead:
            return inf
        return -inf if self.steering is None else self.orders.aside_until

    @property
    def orders(self) -> Orders:
        """What follows from the present request."""
        assert self.steering is not None
        return self.steering.orders(self.leads, self.machine.since)

    @property
    def may_ask(self) -> bool:
        """Whether it could lead now, and nobody asks for anything else."""
        assert self.steering is not None
        can_lead = self.machine.phase is Phase.FOLLOWER and self.may_lead and self.machine.failure is None
        return can_lead and self.steering.request is None

    def new_plea(self) -> LeaderElector:
        """Make what it asks for the office with, which is elected in the control election if nobody asks there."""
        assert self.backend is not None
        assert self.asking is not None
        elector, preference = self.elector, self.config.preference
        request = Request(PREFER, self.asking.term, elector.candidate, preference)
        return self.backend.elector(control_name(elector.lock_id), str(request))

    def _aside_for(self, now: float) -> str | None:
        if not self.may_lead:
            return "it is not healthy" if self.eligible else "it is not eligible"
        if self.steering is None or self.machine.aside_until <= now:
            return None
        request = self.steering.request
        if request is None or (request.do != PAUSE and request.to is None):
            return "those that are preferred go first"
        return "the election is paused" if request.do == PAUSE else "another candidate is to lead"

    @property
    def may_lead(self) -> bool:
        """Whether it is eligible, and healthy as far as anybody asks."""
        return self.eligible and (self.health is None or self.health.is_good)

    @property
    def leads(self) -> int | None:
        """The token of the present term; None while there is none."""
        return self.machine.token if self.machine.phase is Phase.LEADER else None

    def is_succeeded(self, control: LeaderRecord) -> bool:
        """Tell whether who asks in *control* names a successor of this leader, and candidates are listed."""
        request = None if control.candidate is None else Request.parse(control.candidate)
        named = request is not None and request.to is not None and request.ends(self.leads, self.elector.candidate)
        return named and self.backend is not None and bool(self.elector.capabilities.candidates)

    def listed(self) -> tuple[str, ...] | None:
        """Read which candidates there are; None if that fails. Asks with an elector of its own, for one is in use."""
        assert self.backend is not None
        try:
            with closing(self.backend.elector(self.elector.lock_id, OBSERVER)) as observer:
                return tuple(observer.observe_leadership().candidates or ())
        except Exception:
            return None

    def withdraw(self) -> None:
        """Leave the queue, if the elector has one: with a new elector, for none can do without its place."""
        if self.backend is None:
            return  # one that was handed in cannot be made anew
        old = self.elector
        with self.changed:
            self.elector = self.backend.elector(old.lock_id, old.candidate)
            self.elector.notify = old.notify
            self.introduce(self._info)
        old.close()

    def introduce(self, info: str | None) -> None:
        """Have *info* shown to others from the next term on, if the backend keeps it. Any thread may call it."""
        with self.changed:
            self._info = info
            if self.elector.capabilities.info:
                self.elector.info = info

    def tell_of_info(self) -> None:
        """Say it in the log if the info that is to be shown is not kept."""
        keeps = self.elector.capabilities.info
        if self._info is not None and not keeps:
            self._teller.warn("its info is not shown to others: %s", keeps.detail)

    @property
    def state(self) -> State:
        """The public state; never leader without a valid term (P2)."""
        if self.machine.phase is Phase.LEADER and (self.term is None or not self.term.is_valid()):
            return State.FOLLOWER
        return self.machine.phase.state

    @property
    def knows(self) -> bool:
        """Whether the application knows of the present term, or of the last one's end."""
        term = self.term
        return self.machine.told if term is None else self._announced is term

    def situation(self, now: float, stalled: float) -> Situation:
        """Return what is known at *now*, with an engine that has not moved for *stalled* seconds."""
        machine, term, failure = self.machine, self.term, self.machine.failure
        callback = None if self.knows else self.dispatcher.current
        if self.finished:
            return Situation(state=self.state, campaigns=False, error=self.error)
        return Situation(
            state=self.state,
            leader=self._own_record(term) if term is not None and term.is_valid() else self._record,
            error=failure,
            failing=0.0 if failure is None else max(0.0, now - machine.failing_since),
            callback=callback,
            waiting=0.0 if callback is None else max(0.0, now - machine.since),
            aside=max(0.0, machine.not_before - now, machine.aside_until - now),
            aside_for=self._aside_for(now),
            stalled=stalled,
        )

    # ------------------------------------------------------------ terms, on the runner's thread

    def begin_term(self, claim: Claim, deadline: float, clock: Clock) -> None:
        """Make the term and tell the application."""
        elector, will = self.elector, self.listeners.will
        if will is not None:
            will.leave(claim.testament)
        term = Term(
            lock_id=elector.lock_id,
            candidate=elector.candidate,
            token=claim.token,
            deadline=deadline,
            clock=clock,
            descriptors=claim.descriptors if will is None else (*claim.descriptors, *will.descriptors),
            testament=claim.testament,
        )
        self._term_info = elector.info if elector.capabilities.info else None
        self._change(term=term)
        self._waits = False
        self._teller.tell(Elected, term=term)
        self.dispatcher.put("on_elected", lambda: self._announce(term), wanted=term.is_valid)
        self.tell_leader()
        self.tell_record(self._own_record(term))

    def _own_record(self, term: Term) -> LeaderRecord:
        return LeaderRecord(term.lock_id, term.candidate, term.token, term.acquired_at, info=self._term_info)

    def _announce(self, term: Term) -> object:
        """Say that *term* began. One that is over before its turn comes is never mentioned (P6)."""
        self._announced = term
        return None if self.listeners.elected is None else self.listeners.elected(term)

    def extend_term(self, deadline: float, testament: str) -> bool:
        """Note that the term was renewed; False if somebody has seen its deadline pass before."""
        term = self.term
        assert term is not None
        left = term.remaining()
        term.testament = testament
        if self.listeners.will is not None:
            self.listeners.will.leave(testament)
        if not term._extend(deadline):  # or somebody ends it in this moment, whose event comes next
            return term.reason is not None
        is_late = left < lifetime(self.config.ttl) / 2
        if is_late or self._teller.is_observed:
            self._teller.tell(Renewed, term=term, left=left, late=is_late)
        return True

    def end_term(self, reason: Reason, now: float, done: Callable[[], object]) -> None:
        """End the term at *now*, tell the application that was told of it, and call *done* when it knows."""
        term = self.term
        assert term is not None
        term._end(reason)
        self._change(term=None)
        self._record = None
        self._ended = term, reason, now
        self._teller.tell(Deposed, term=term, reason=reason)
        deposed = self.listeners.deposed
        if deposed is not None:
            self.dispatcher.put("on_deposed", lambda: deposed(term, reason), wanted=lambda: self._announced is term)
        if self.listeners.settle is not None:
            self.dispatcher.put("the work in during()", self.listeners.settle)
        self.tell_follower()
        self.dispatcher.put("the end of the term", done)

    def abandon(self) -> None:
        """End the term without a word to the application: the engine cannot go on."""
        self.machine.phase = Phase.CLOSED
        if self.term is not None:
            self.term._end(Reason.LOST)
            self.term = None

    # ------------------------------------------------------------ telling

    def tell_leader(self) -> None:
        """Run the leader callback, unless the term is over by then."""
        term, callback = self.term, self.listeners.leader
        if callback is not None and term is not None:
            self.dispatcher.put(
                "leader_callback",
                callback,
                wanted=lambda: self._announced is term and term.is_valid(),
                repeats=True,
            )

    def tell_follower(self) -> None:
        """Run the follower callback."""
        callback = self.listeners.follower
        if callback is not None:
            self.dispatcher.put("follower_callback", callback, repeats=True)
        if self.machine.phase is Phase.FOLLOWER and not self._waits and not self.machine.timing.wants_records:
            self._waits = True
            self._teller.tell(Waiting, leader=None)

    def tell_record(self, record: LeaderRecord) -> None:
        """Report *record* if the leader is another than the one reported before."""
        callback = self.listeners.leader_changed
        shown = record.candidate, record.token
        led = self._namesake.saw(record.candidate if self.machine.phase is Phase.FOLLOWER else None, self.machine._now)
        if led is not None:
            self._teller.warn("another candidate has the same id, and has led for %.0f s: give each its own", led)
        if callback is not None:
            self._record = record  # without that callback it would be asked for once, and grow old
        if shown == self._reported:
            return
        self._reported = shown
        if callback is not None:
            self.dispatcher.put("on_leader_changed", lambda: callback(record))
        if self.machine.phase is Phase.FOLLOWER:
            self._waits = True
            self._teller.tell(Waiting, leader=record)

    # ------------------------------------------------------------ for observers

    def called(self, verb: str, seconds: float, error: Exception | None) -> None:
        """Tell how long a call took."""
        if self._teller.is_observed:
            self._teller.tell(Called, verb=verb, seconds=seconds, error=error)

    def given_up(self, now: float) -> None:
        """Tell that the claim of the last term was given up at *now*."""
        if self._ended is not None:
            term, reason, ended = self._ended
            self._ended = None
            self._teller.tell(HandedOver, term=term, reason=reason, seconds=max(0.0, now - ended))

    def callbacks_late(self, waited: float, *, kept: bool) -> None:
        """Tell which callback does not return, and what that costs."""
        if self.knows:
            return
        name = self.dispatcher.current or "a callback that the system gives no thread"
        if self.term is not None:
            effect = f"the term that began {waited:.0f} s ago is not announced before it does"
        elif kept:
            effect = (
                f"the claim of the term that ended {waited:.0f} s ago is kept for it, and nobody leads; "
                "a callback has to return when its term is not valid any more"
            )
        else:
            effect = f"this candidate, whose term ended {waited:.0f} s ago, does not campaign before it does"
        self._teller.tell(CallbackLate, callback=name, seconds=waited, effect=effect)

    def outage_began(self, error: Exception) -> None:
        """Tell of the first failure in a row."""
        self._teller.tell(OutageBegan, error=error)

    def outage_ended(self, now: float) -> None:
        """Tell that it is over at *now*."""
        self._teller.tell(OutageEnded, seconds=max(0.0, now - self.machine.failing_since))

    def not_steered(self, error: Exception | None) -> None:
        """Tell why it heeds no requests, the first time; None: it does."""
        is_new, self._is_steered = error is not None and self._is_steered, error is None
        if is_new:
            self._teller.tell(NotSteered, error=error)

    def not_asking(self, error: Exception) -> None:
        """Tell why it may not ask for the office, the first time."""
        if self._is_asking:
            self._is_asking = False
            self._teller.tell(NotAsking, error=error)

    def closing_failed(self, what: str, failure: Exception) -> None:
        """Tell what could not be closed."""
        self._teller.tell(ClosingFailed, what=what, error=failure)

    # ------------------------------------------------------------ waiting

    def wait_for(self, holds: Callable[[], T], timeout: float | None = None) -> T:
        """Block until *holds* answers something true, *timeout* seconds at most, and return what it answered last."""
        end = inf if timeout is None else time.monotonic() + timeout
        with self.changed:
            while not (answer := holds()):
                left = end - time.monotonic()
                if left <= 0.0:
                    break
                self.changed.wait(min(left, LONGEST_WAIT))
        return answer

    def has_finished(self, timeout: float) -> bool:
        """Block until the end, *timeout* seconds at most; tell whether it has come."""
        return self.wait_for(lambda: self.finished, timeout)

    def finish(self, error: Exception | None) -> None:
        """Let those who wait for the end go."""
        self._change(error=error, finished=True)

    def _change(self, **values: object) -> None:
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.notify_all()
        for watcher in self._watchers:
            watcher()


def _timing(config: LeaderElectionConfig, elector: LeaderElector, listeners: Listeners) -> Timing:
    return Timing(
        leader_check_interval=config.leader_check_interval,
        follower_check_interval=config.follower_check_interval,
        renew_deadline=config.renew_deadline,
        request_timeout=config.request_timeout,
        cooldown=config.cooldown,
        close_timeout=config.close_timeout,
        handover_timeout=config.handover_timeout,
        candidate=elector.candidate,
        push=bool(elector.capabilities.push),
        can_observe=bool(elector.capabilities.observe),
        wants_records=listeners.leader_changed is not None or config.preference is not None,
    )
