"""How one candidate stands: what is known of it, whether it may lead, its situation; and waiting until that changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from math import inf
from typing import TypeVar

from incumbent.config import LeaderElectionConfig
from incumbent.elector import OBSERVER, Backend, LeaderElector, LeaderRecord
from incumbent.situation import Situation
from incumbent.state import State
from incumbent.term import LONGEST_WAIT, Term

from .asking import Asking
from .dispatch import Dispatcher
from .health import Health
from .listeners import Listeners
from .machine import Machine, Phase, Timing
from .notice import Notice, notice_name
from .steering import COURTESY, LONGEST_COURTESY, PAUSE, PREFER, Orders, Request, Steering, control_name

__all__ = ["Standing"]

T = TypeVar("T")


class Standing:
    """
    What the runner and the facades know of one candidate.

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
        #: With what others are told that a callback is waited for, None if none is; and whether that is under way.
        self.notice: LeaderElector | None = None
        self.tells = False
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
        self.machine = Machine(Timing.of(config, elector, looks_on=listeners.leader_changed is not None))
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
        self.dispatcher: Dispatcher
        self._watchers = watchers
        #: What is to be told of it from the next term on; what is in the present one.
        self._info: str | None = None
        self._term_info: str | None = None
        #: The term that the application knows of, and who else leads.
        self._announced: Term | None = None
        self._record: LeaderRecord | None = None

    def __repr__(self) -> str:
        return f"<{self.elector.candidate} of {self.elector.lock_id}>"

    # ------------------------------------------------------------ whether it may lead, and what is asked of it

    @property
    def may_lead(self) -> bool:
        """Whether it is eligible, and healthy as far as anybody asks."""
        return self.eligible and (self.health is None or self.health.is_good)

    @property
    def aside_until(self) -> float:
        """Until when it is not to be elected: because of a request, or because it is not eligible."""
        if not self.may_lead:
            return inf
        return -inf if self.steering is None else self.orders.aside_until

    @property
    def is_called(self) -> bool:
        """Whether it is asked to lead next, after another's term."""
        request = None if self.steering is None else self.steering.request
        if request is None or request.to != self.elector.candidate:
            return False
        return request.term not in (None, self.machine.token)

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

    def new_notice(self) -> LeaderElector | None:
        """Make what tells others for which callback the claim of the last term is kept, if the backend can show it."""
        callback, token = self.dispatcher.current, self.machine.token
        if self.backend is None or not self.elector.capabilities.observe or callback is None or token is None:
            return None
        try:
            return self.backend.elector(notice_name(self.elector.lock_id), str(Notice(token, callback)))
        except Exception:  # its name is longer; whatever it is, the hand-over does not depend on it
            return None

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

    # ------------------------------------------------------------ how it stands

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

    def _aside_for(self, now: float) -> str | None:
        if not self.may_lead:
            return "it is not healthy" if self.eligible else "it is not eligible"
        if self.steering is None or self.machine.aside_until <= now:
            return None
        request = self.steering.request
        if request is None or (request.do != PAUSE and request.to is None):
            return "those that are preferred go first"
        return "the election is paused" if request.do == PAUSE else "another candidate is to lead"

    def _own_record(self, term: Term) -> LeaderRecord:
        return LeaderRecord(term.lock_id, term.candidate, term.token, term.acquired_at, info=self._term_info)

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
