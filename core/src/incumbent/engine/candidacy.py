"""One candidate on the runner: its machine, elector and term, what its callbacks are told, and what is logged of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, TypeVar

from incumbent.clock import Clock
from incumbent.config import LeaderElectionConfig
from incumbent.elector import Backend, Claim, LeaderElector, LeaderRecord
from incumbent.situation import Situation
from incumbent.state import Reason, State
from incumbent.term import LONGEST_WAIT, Term

from .dispatch import Dispatcher
from .machine import Machine, Phase, Timing
from .workers import Executor

if TYPE_CHECKING:
    from incumbent.errors import CallbackError

__all__ = ["Candidacy", "Listeners"]

T = TypeVar("T")

_log = logging.getLogger("incumbent")


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
    ) -> None:
        self.config = config
        self.elector = elector
        self.backend = backend
        self.listeners = listeners
        self.machine = Machine(_timing(config, elector, listeners))
        self.term: Term | None = None
        self.error: Exception | None = None
        self.finished = False
        #: Whether a notification of the elector has not been looked at yet.
        self.notified = False
        self.changed = threading.Condition()
        self._watchers = watchers
        self.dispatcher: Dispatcher
        self._logs: Executor
        self._announced: Term | None = None
        self._record: LeaderRecord | None = None
        self._reported: tuple[str | None, int | None] | None = None

    def __repr__(self) -> str:
        return f"<{self.elector.candidate} of {self.elector.lock_id}>"

    def attach(self, executor: Executor, failed: Callable[[CallbackError], None], logs: Executor) -> None:
        """Say where the callbacks run, who is told when one raises, and where records are logged, in order."""
        self.dispatcher = Dispatcher(executor, failed)
        self._logs = logs

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

    def situation(self, now: float) -> Situation:
        """Return what is known at *now*."""
        machine, term, failure = self.machine, self.term, self.machine.failure
        callback = None if self.knows else self.dispatcher.current
        if self.finished:
            return Situation(state=self.state, campaigns=False, error=self.error)
        return Situation(
            state=self.state,
            leader=_record(term) if term is not None and term.is_valid() else self._record,
            error=failure,
            failing=0.0 if failure is None else max(0.0, now - machine.failing_since),
            callback=callback,
            waiting=0.0 if callback is None else max(0.0, now - machine.since),
            aside=max(0.0, machine.not_before - now),
        )

    # ------------------------------------------------------------ terms, on the runner's thread

    def begin_term(self, claim: Claim, deadline: float, clock: Clock) -> None:
        """Make the term and tell the application."""
        elector = self.elector
        term = Term(
            lock_id=elector.lock_id,
            candidate=elector.candidate,
            token=claim.token,
            deadline=deadline,
            clock=clock,
            descriptors=claim.descriptors,
        )
        self._change(term=term)
        self._say(logging.INFO, "elected, token %d", claim.token)
        self.dispatcher.put("on_elected", lambda: self._announce(term), wanted=term.is_valid)
        self.tell_leader()
        self.tell_record(_record(term))

    def _announce(self, term: Term) -> object:
        """Say that *term* began. One that is over before its turn comes is never mentioned (P6)."""
        self._announced = term
        return None if self.listeners.elected is None else self.listeners.elected(term)

    def extend_term(self, deadline: float) -> bool:
        """Note that the term was renewed; False if somebody has seen its deadline pass before."""
        assert self.term is not None
        return self.term._extend(deadline) or self.term.reason is not None

    def end_term(self, reason: Reason, done: Callable[[], object]) -> None:
        """End the term, tell the application that was told of it, and call *done* when it knows."""
        term = self.term
        assert term is not None
        term._end(reason)
        self._change(term=None)
        self._record = None
        voluntary = reason in {Reason.RELINQUISHED, Reason.SCHEDULE, Reason.STOPPED}
        self._say(logging.INFO if voluntary else logging.WARNING, "deposed, token %d: %s", term.token, reason.value)
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

    def tell_record(self, record: LeaderRecord) -> None:
        """Report *record* if the leader is another than the one reported before."""
        callback = self.listeners.leader_changed
        shown = record.candidate, record.token
        if callback is not None:
            self._record = record  # without that callback it would be asked for once, and grow old
        if callback is not None and shown != self._reported:
            self._reported = shown
            self.dispatcher.put("on_leader_changed", lambda: callback(record))

    def _say(self, level: int, message: str, *values: object, **extra: object) -> None:
        extra = {"lock_id": self.elector.lock_id, "candidate": self.elector.candidate, **extra}

        def log() -> None:
            with suppress(Exception):  # the handlers and filters are the application's
                _log.log(level, f"%s: {message}", self, *values, extra=extra)

        self._logs.submit(log)

    def callbacks_late(self, waited: float, *, kept: bool) -> None:
        """Log which callback does not return, and what that costs."""
        if self.knows:
            return
        name = self.dispatcher.current or "a callback that the system gives no thread"
        if self.term is not None:
            cost = "the term that began %.0f s ago is not announced before it does"
        elif kept:
            cost = (
                "the claim of the term that ended %.0f s ago is kept for it, and nobody leads; "
                "a callback has to return when its term is not valid any more"
            )
        else:
            cost = "this candidate, whose term ended %.0f s ago, does not campaign before it does"
        self._say(logging.WARNING, f"%s has not returned: {cost}", name, waited, callback=name, waited=waited)

    def outage_began(self, error: Exception) -> None:
        """Log the first failure in a row."""
        self._say(logging.WARNING, "the backend fails, retrying: %s", error)

    def closing_failed(self, what: str, failure: Exception) -> None:
        """Log what could not be closed."""
        self._say(logging.WARNING, "closing its %s failed: %s", what, type(failure).__name__)

    def outage_ended(self) -> None:
        """Log that it is over."""
        self._say(logging.INFO, "the backend answers again")

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


def _record(term: Term) -> LeaderRecord:
    return LeaderRecord(term.lock_id, term.candidate, term.token, term.acquired_at)


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
        wants_records=listeners.leader_changed is not None,
    )
