"""A candidate's life: what it keeps in mind from event to event, and does in every phase: ask, wait, retry, be late."""

from __future__ import annotations

from math import inf

from incumbent.errors import BackendUnavailableError

from .events import (
    Action,
    AsideAsked,
    Call,
    CallbacksLate,
    Failed,
    OutageBegan,
    OutageEnded,
    SetTimer,
    Timer,
    Verb,
)
from .phases import PUSH_FACTOR, Phase, Timing

__all__ = ["Life"]

#: The first retry after a failed call waits about this long, seconds; each further one twice as long,
#: up to the interval at which an answering backend would be asked.
FIRST_RETRY = 0.1
#: A call may need a few requests, each bounded by the request timeout, before it counts as overdue.
REQUESTS_PER_CALL = 3
#: Callbacks that keep the application from knowing are named after this long, then after twice as long and so on,
#: seconds; but not more rarely than every `LONGEST_SILENCE`.
CALLBACK_PATIENCE, LONGEST_SILENCE = 5.0, 300.0


class Life:
    """What the steps in `following`, `leading` and `relinquishing` read and change; `Machine` says which is taken."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.phase = Phase.BOOTSTRAP
        self.token: int | None = None
        self.deadline = -inf
        self.renew_deadline = -inf
        #: When the present term began, or the last one ended.
        self.since = -inf
        #: Why the last call failed, and when the first one in a row did; None while the backend answers.
        self.failure: Exception | None = None
        self.failing_since = -inf
        #: Whether the application knows that the last term has ended.
        self.told = True
        #: Until then it stands aside, for it has handed over; and until then because it was asked to.
        self.not_before = -inf
        self.aside_until = -inf
        #: Until then it does not even look, whatever it is told: its successor has more need of the backend.
        self.rests_until = -inf
        #: Seconds from one poll of the safety net to the next at least: many candidates take turns.
        self.poll_pause = 0.0
        #: Whether it may have a place in a queue.
        self.queues = False
        #: The call that is out, and whether something has happened since that asks for another.
        self.call: Verb | None = None
        self.again = False
        #: Whether there may be a claim, and whether it is kept until the application knows.
        self.held = False
        self.keep = False
        #: Whether it has handed over, and has not asked for its place in the queue since.
        self.returns = False
        #: Whether callbacks may still take their time, whether it leaves, and whether it has no more time for that.
        self.patient = True
        self.stopping = False
        self.hurried = False
        #: What the run ends with.
        self.error: Exception | None = None
        #: The time of the present event, and what is to be done after it.
        self.now = -inf
        self.actions: list[Action] = []
        self._failures = 0
        self._outage = False

    def do(self, *actions: Action) -> None:
        """Have *actions* done, after those before."""
        self.actions.extend(actions)

    def set(self, timer: Timer, at: float) -> None:
        """Have *timer* due at *at*."""
        self.do(SetTimer(timer, at))

    # ------------------------------------------------------------ calls

    def attempt(self) -> None:
        """Try to be elected, or do what it may meanwhile."""
        if self.call is not None:
            self.again = True
        elif self.now < self.aside_until and self.queues:
            self.ask(Verb.WITHDRAW)
        elif self.now >= self.may_try():
            self.queues = True
            self.ask(Verb.ACQUIRE)
        elif not self.timing.can_observe:
            self.set(Timer.NEXT, self.may_try())
        elif self.now < self.rests_until:
            self.set(Timer.NEXT, self.rests_until)
        else:
            self.ask(Verb.OBSERVE)

    def poll_interval(self) -> float:
        """Return the seconds from one poll of the safety net to the next; news come sooner."""
        interval = self.timing.follower_check_interval
        return max(PUSH_FACTOR * interval, self.poll_pause) if self.timing.push else interval

    def may_try(self) -> float:
        """Return from when on it may try to be elected."""
        return max(self.not_before, self.aside_until)

    def note_aside(self, event: AsideAsked) -> None:
        """Keep in mind until when it is to stand aside: that matters when it campaigns again."""
        self.aside_until = event.until

    def ask(self, verb: Verb) -> None:
        """Call the elector. No call may be out."""
        self.call = verb
        self.again = False
        self.do(Call(verb))
        self.set(Timer.OVERDUE, self.now + REQUESTS_PER_CALL * self.timing.request_timeout)

    def answered(self) -> None:
        """Note that the backend answers."""
        self._failures = 0
        self.failure = None
        if self._outage:
            self._outage = False
            self.do(OutageEnded())

    def retry(self, event: Failed, longest: float) -> None:
        """Ask again after a while, *longest* at most but for jitter."""
        self._trouble(event.error)
        pause = min(FIRST_RETRY * 2.0**self._failures, longest) * (0.5 + event.jitter)
        self._failures = min(self._failures + 1, 30)
        self.set(Timer.NEXT, self.now + pause)

    def overdue(self) -> None:
        """Count the call that is out as one that failed; it stays out."""
        if self.call is not None:
            waited = REQUESTS_PER_CALL * self.timing.request_timeout
            self._trouble(BackendUnavailableError(f"{self.call.value}() has not returned after {waited:g} s"))

    def _trouble(self, error: Exception) -> None:
        self.failure = error
        if not self._outage:
            self._outage = True
            self.failing_since = self.now
            self.do(OutageBegan(error))

    # ------------------------------------------------------------ what the application knows

    def turn(self) -> None:
        """Note that a term has begun or ended, which the application is to know soon."""
        self.since = self.now
        self.set(Timer.CALLBACKS_LATE, self.now + CALLBACK_PATIENCE)

    def late(self) -> None:
        """Say that it may not know yet."""
        waited = self.now - self.since
        if waited > 0.0:  # else the term has ended just now, and the timer was for its beginning
            self.do(CallbacksLate(waited, self.held and self.keep and self.patient))
        self.set(Timer.CALLBACKS_LATE, self.now + min(max(waited, CALLBACK_PATIENCE), LONGEST_SILENCE))
