"""Decides what an election does, and when it asks, retries and gives up: `handle(event, now) -> actions`, a pure table.

Rule 1: every event that a phase reacts to is in `TRANSITIONS`, with every phase it can lead to. An
event that is not in a phase's row changes nothing there.
Rule 2: nothing here does I/O, knows a thread, asks for the time, draws a random number or logs.
Callers pass *now* (seconds on one clock that counts suspension) and jitter.
Rule 3: at most one call to the elector is out at any time. Its answer comes as exactly one event, or never.

A candidate goes through these phases; the public `State` is coarser::

    phase          state       what happens in it
    BOOTSTRAP      bootstrap   no attempt has been answered yet
    FOLLOWER       follower    another leads, or nobody does: attempts, one at a time
    LEADER         leader      a term runs: checks, until its renew deadline
    DEPOSED        follower    the term is over, the application is being told; the claim is not given up yet (P6)
    RELINQUISHING  follower    the claim is being given up: the application knows, or has taken too long
    CLOSED         follower    the end

How P1 follows: a term begins and is extended only by a claim's *sent* time (P2), ends at the renew
deadline at the latest (P3), and is never revived: a claim that comes back late is given up, and the
next term is a new claim with a larger token (P4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from incumbent.config import lifetime
from incumbent.elector import Claim
from incumbent.errors import BackendRejectedError, BackendUnavailableError
from incumbent.state import Reason

from .events import (
    Action,
    AsideAsked,
    BeginTerm,
    Call,
    CallbackRaised,
    CallbacksLate,
    CallbacksReturned,
    Due,
    EndTerm,
    Event,
    ExtendTerm,
    Failed,
    Finish,
    Gone,
    Granted,
    Notified,
    Observed,
    OutageBegan,
    OutageEnded,
    Refused,
    RelinquishAsked,
    Relinquished,
    SetTimer,
    Started,
    StopAsked,
    TellFollower,
    TellLeader,
    TellRecord,
    Timer,
    Verb,
    Withdrawn,
)
from .phases import Phase, Timing

__all__ = ["PUSH_FACTOR", "TRANSITIONS", "Machine", "Phase", "Timing", "Transition"]

#: With push, polling is only the safety net under a lost notification: this much slower.
PUSH_FACTOR = 20.0
#: The first retry after a failed call waits about this long, seconds; each further one twice as long,
#: up to the interval at which an answering backend would be asked.
FIRST_RETRY = 0.1
#: Seconds until who has handed over looks for its successor.
FIRST_LOOK = 0.1
#: A call may need a few requests, each bounded by the request timeout, before it counts as overdue.
REQUESTS_PER_CALL = 3
#: Callbacks that keep the application from knowing are named after this long, then after twice as long and so on,
#: seconds; but not more rarely than every `LONGEST_SILENCE`.
CALLBACK_PATIENCE, LONGEST_SILENCE = 5.0, 300.0


class Machine:
    """One candidate of one election. Not thread-safe: one thread at a time."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.phase = Phase.BOOTSTRAP
        #: Seconds from one poll of the safety net to the next at least: many candidates take turns.
        self.turn = 0.0
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
        self._rests_until = -inf
        #: Whether it may have a place in a queue.
        self._queues = False
        self._call: Verb | None = None
        self._again = False
        self._held = False
        self._keep = False
        #: Whether it has handed over, and has not asked for its place in the queue since.
        self._returns = False
        self._patient = True
        self._stopping = False
        self._hurried = False
        self._error: Exception | None = None
        self._failures = 0
        self._outage = False
        self._now = -inf
        self._actions: list[Action] = []

    def handle(self, event: Event, now: float) -> list[Action]:
        """
        Take *event* at *now* and return what is to be done, in order.

        Whatever the event is, a term whose renew deadline has passed ends first: a late timer, a
        suspended machine or a stuck thread must not let an old answer pass for a new one (P2).
        """
        self._now, self._actions = now, []
        if self.phase is Phase.LEADER and now >= self.renew_deadline:
            self._depose(Reason.NOT_RENEWED)
        if isinstance(event, _ANSWERS):
            self._call = None
        transition = TRANSITIONS[self.phase].get(type(event))
        if transition is not None:
            transition.step(self, event)
        return self._actions

    # ------------------------------------------------------------ bootstrap and follower

    def _start(self, _: Started) -> None:
        self._attempt()

    def _due_follower(self, event: Due) -> None:
        if event.timer is Timer.OVERDUE:
            self._overdue()
        elif event.timer is Timer.NEXT:
            self._attempt()

    def _notified_follower(self, _: Notified) -> None:
        self._attempt()

    def _attempt(self) -> None:
        if self._call is not None:
            self._again = True
        elif self._now < self.aside_until and self._queues:
            self._ask(Verb.WITHDRAW)
        elif self._now >= self._may_try():
            self._queues = True
            self._ask(Verb.ACQUIRE)
        elif not self.timing.can_observe:
            self._set(Timer.NEXT, self._may_try())
        elif self._now < self._rests_until:
            self._set(Timer.NEXT, self._rests_until)
        else:
            self._ask(Verb.OBSERVE)

    def _may_try(self) -> float:
        return max(self.not_before, self.aside_until)

    def _aside_asked(self, event: AsideAsked) -> None:
        """Stand aside until then, or not any more. What is out may still bring a claim, which begins a term."""
        if event.until != self.aside_until:
            self.aside_until = event.until
            self._attempt()

    def _aside_noted(self, event: AsideAsked) -> None:
        self.aside_until = event.until

    def _withdrawn(self, _: Withdrawn) -> None:
        self._answered()
        self._queues = False
        self._attempt()

    def _granted_follower(self, event: Granted) -> None:
        self._answered()
        self._held = True
        claim = event.claim
        if lifetime(claim.guarantee) <= self.timing.renew_deadline:
            self._fail_for_good(_too_short(claim, self.timing))
        elif claim.token == self.token:
            # The claim of the term before, which something on its way may still end: a term has its own (P4).
            self.not_before = self._now + self.timing.follower_check_interval
            self._relinquish()
        elif self._now >= self._renew_by(claim):
            self._relinquish()  # the answer took so long that a term could not begin safely (P2)
        else:
            self.phase = Phase.LEADER
            self.token = claim.token
            self._extend(claim)
            self._do(BeginTerm(claim, self.deadline))
            self._turn()

    def _refused(self, _: Refused) -> None:
        self._answered()
        self.phase = Phase.FOLLOWER
        self._do(TellFollower())
        if self._again or self._now < self.aside_until:
            self._attempt()
        elif self.timing.wants_records and self.timing.can_observe:
            self._ask(Verb.OBSERVE)
        else:
            self._set(Timer.NEXT, self._now + self._follower_interval())

    def _observed(self, event: Observed) -> None:
        self._answered()
        if self.phase is Phase.BOOTSTRAP or self._now < self.aside_until:  # it looks on instead of trying
            self.phase = Phase.FOLLOWER
            self._do(TellFollower())
        self._do(TellRecord(event.record))
        is_served = event.record.candidate not in (None, self.timing.candidate)
        if is_served:
            self.not_before = self._now  # another leads: standing aside has served its purpose
        is_back, self._returns = is_served and self._returns, self._returns and not is_served
        if self._again or is_back:  # it has no place in the queue: nobody would tell it of anything
            self._attempt()
        else:
            pause = self._follower_interval()
            if self._now < self._may_try():
                pause = min(self._may_try() - self._now, self.timing.follower_check_interval)
            self._set(Timer.NEXT, self._now + pause)

    def _failed_follower(self, event: Failed) -> None:
        if event.permanent:
            self._fail_for_good(event.error)
        else:
            self._retry(event, self.timing.follower_check_interval)

    def _stop_follower(self, _: StopAsked) -> None:
        self._stop()
        self._leave()

    def _raised_follower(self, event: CallbackRaised) -> None:
        self._fail_for_good(event.error)

    # ------------------------------------------------------------ leader

    def _due_leader(self, event: Due) -> None:
        if event.timer is Timer.OVERDUE:
            self._overdue()
        elif event.timer is Timer.NEXT:
            self._check()
        elif event.timer is Timer.CALLBACKS_LATE:
            self._late()

    def _notified_leader(self, _: Notified) -> None:
        self._check()

    def _check(self) -> None:
        if self._call is None:
            self._ask(Verb.CHECK)
        else:
            self._again = True

    def _granted_leader(self, event: Granted) -> None:
        self._answered()
        if event.claim.token != self.token:
            self._depose(Reason.LOST)  # a claim of another term cannot extend this one (P4)
            return
        self._extend(event.claim)
        self._do(ExtendTerm(self.deadline, event.claim.testament), TellLeader())
        if self._again:
            self._ask(Verb.CHECK)

    def _gone_leader(self, _: Gone) -> None:
        self._answered()
        self._held = False
        self._depose(Reason.LOST)

    def _failed_leader(self, event: Failed) -> None:
        if event.permanent:
            self._stop(event.error)
            self._depose(Reason.REJECTED)
        else:
            self._retry(event, self.timing.leader_check_interval)

    def _relinquish_asked(self, event: RelinquishAsked) -> None:
        self._depose(event.reason, keep=True)

    def _stop_leader(self, _: StopAsked) -> None:
        self._stop()
        self._depose(Reason.STOPPED, keep=True)

    def _raised_leader(self, event: CallbackRaised) -> None:
        self._stop(event.error)
        self._depose(Reason.CALLBACK_FAILED, keep=True)

    def _depose(self, reason: Reason, *, keep: bool = False) -> None:
        """End the term. With *keep* the claim is renewed until the application knows (P6)."""
        self.phase = Phase.DEPOSED
        self._keep = keep
        self.told = False
        self.deadline = self.renew_deadline = -inf
        self._do(EndTerm(reason))
        self._turn()
        self._patient = True
        if self.timing.handover_timeout < inf:
            self._set(Timer.HANDOVER_DEADLINE, self._now + self.timing.handover_timeout)

    def _turn(self) -> None:
        """A term has begun or ended, which the application is to know soon."""
        self.since = self._now
        self._set(Timer.CALLBACKS_LATE, self._now + CALLBACK_PATIENCE)

    def _late(self) -> None:
        waited = self._now - self.since
        if waited > 0.0:  # else the term has ended just now, and the timer was for its beginning
            self._do(CallbacksLate(waited, self._held and self._keep and self._patient))
        self._set(Timer.CALLBACKS_LATE, self._now + min(max(waited, CALLBACK_PATIENCE), LONGEST_SILENCE))

    # ------------------------------------------------------------ deposed and relinquishing

    def _returned(self, _: CallbacksReturned) -> None:
        self.told = True
        self._continue()

    def _answer_deposed(self, event: Granted | Gone | Refused | Observed | Relinquished | Withdrawn | Failed) -> None:
        if isinstance(event, Granted):
            self._held = True
        elif isinstance(event, Gone):
            self._held = False
        if isinstance(event, Failed):
            if event.permanent:
                self._stop(event.error)
            self._retry(event, self.timing.leader_check_interval)
        else:
            self._answered()
            self._set(Timer.NEXT, self._now + self.timing.leader_check_interval)
        self._continue()

    def _due_deposed(self, event: Due) -> None:
        if event.timer is Timer.OVERDUE:
            self._overdue()
        elif event.timer is Timer.CLOSE_DEADLINE:
            self._hurry()
        elif event.timer is Timer.HANDOVER_DEADLINE:
            self._patient = self._now < self.since + self.timing.handover_timeout  # it may be an earlier term's
            self._continue()
        elif event.timer is Timer.CALLBACKS_LATE and not self.told:
            self._late()
        elif event.timer is Timer.NEXT and self._call is None and self._held and self._keep and not self.told:
            self._ask(Verb.CHECK)

    def _stop_deposed(self, _: StopAsked) -> None:
        self._stop()

    def _raised_deposed(self, event: CallbackRaised) -> None:
        self._stop(event.error)

    def _continue(self) -> None:
        """Go on after a term, once the application knows, or has taken too long, and no call is out."""
        if not self.told and (self._patient or not self._held or self._call is not None):
            return
        if self._call is not None:
            if self._hurried:
                self._close()
        elif self._held:
            self._relinquish()
        else:
            self._after()

    def _relinquish(self) -> None:
        self.phase = Phase.RELINQUISHING
        self._ask(Verb.RELINQUISH)

    def _due_relinquishing(self, event: Due) -> None:
        if event.timer is Timer.OVERDUE:
            self._overdue()
            if self._hurried and self.told:
                self._close()
        elif event.timer is Timer.CLOSE_DEADLINE:
            self._hurry()
        elif event.timer is Timer.CALLBACKS_LATE and not self.told:
            self._late()
        elif event.timer is Timer.NEXT and self._call is None and self._held:
            self._ask(Verb.RELINQUISH)

    def _relinquished(self, _: Relinquished) -> None:
        self._answered()
        self._held = False
        if self.told:
            self._after()

    def _failed_relinquishing(self, event: Failed) -> None:
        if event.permanent:
            self._stop(event.error)
        if self.told and (event.permanent or self._hurried):
            self._close()  # nobody can be reached: the claim ends with its ttl
        elif event.permanent:
            self._held = False  # likewise, but the application is still waited for
        else:
            self._retry(event, self.timing.follower_check_interval)

    def _returned_late(self, _: CallbacksReturned) -> None:
        """Go on after callbacks that have taken longer than the claim was kept for."""
        self.told = True
        if self._hurried:
            self._close()
        elif not self._held:
            self._after()

    def _after(self) -> None:
        """Nothing is held: leave, or campaign again (P7)."""
        if self._stopping:
            self._close()
            return
        self.phase = Phase.FOLLOWER
        if self._keep:
            self._keep, self._returns = False, True
            self.not_before = self._now + self.timing.cooldown
            self._rests_until = self._now + min(FIRST_LOOK, self.timing.cooldown)
            self._set(Timer.NEXT, self._rests_until)
        else:
            self._attempt()

    # ------------------------------------------------------------ leaving

    def _stop(self, error: Exception | None = None) -> None:
        """Begin to leave; the first *error* is what the run ends with."""
        self._error = self._error or error
        if not self._stopping:
            self._stopping = True
            self._set(Timer.CLOSE_DEADLINE, self._now + self.timing.close_timeout)

    def _fail_for_good(self, error: Exception) -> None:
        self._stop(error)
        self._leave()

    def _leave(self) -> None:
        """Leave without a term to end; an attempt that is still out may yet bring a claim to give up."""
        self.phase = Phase.DEPOSED
        self._continue()

    def _hurry(self) -> None:
        """Closing has taken its time. What the application still does is waited for, the backend is not."""
        self._hurried = True
        if self.told:
            self._close()

    def _close(self) -> None:
        self.phase = Phase.CLOSED
        self._do(Finish(self._error))

    # ------------------------------------------------------------ common

    def _do(self, *actions: Action) -> None:
        self._actions.extend(actions)

    def _set(self, timer: Timer, at: float) -> None:
        self._do(SetTimer(timer, at))

    def _ask(self, verb: Verb) -> None:
        self._call = verb
        self._again = False
        self._do(Call(verb))
        self._set(Timer.OVERDUE, self._now + REQUESTS_PER_CALL * self.timing.request_timeout)

    def _answered(self) -> None:
        self._failures = 0
        self.failure = None
        if self._outage:
            self._outage = False
            self._do(OutageEnded())

    def _trouble(self, error: Exception) -> None:
        self.failure = error
        if not self._outage:
            self._outage = True
            self.failing_since = self._now
            self._do(OutageBegan(error))

    def _overdue(self) -> None:
        if self._call is not None:
            waited = REQUESTS_PER_CALL * self.timing.request_timeout
            self._trouble(BackendUnavailableError(f"{self._call.value}() has not returned after {waited:g} s"))

    def _retry(self, event: Failed, longest: float) -> None:
        self._trouble(event.error)
        pause = min(FIRST_RETRY * 2.0**self._failures, longest) * (0.5 + event.jitter)
        self._failures = min(self._failures + 1, 30)
        self._set(Timer.NEXT, self._now + pause)

    def _follower_interval(self) -> float:
        interval = self.timing.follower_check_interval
        return max(PUSH_FACTOR * interval, self.turn) if self.timing.push else interval

    def _renew_by(self, claim: Claim) -> float:
        """Return when it must have been renewed; one that does not last longer than that puts nothing off (P3)."""
        if claim.guarantee == inf:
            return inf
        lasts = lifetime(claim.guarantee) > self.timing.renew_deadline
        return claim.sent + self.timing.renew_deadline if lasts else -inf

    def _extend(self, claim: Claim) -> None:
        """Count the deadlines from *sent*; an answer that was sent earlier never shortens them (P2, P3)."""
        self.deadline = max(self.deadline, claim.sent + lifetime(claim.guarantee))
        self.renew_deadline = max(self.renew_deadline, self._renew_by(claim))
        if self.renew_deadline < inf:
            self._set(Timer.RENEW_DEADLINE, self.renew_deadline)
        self._set(Timer.NEXT, max(self._now, claim.sent + self.timing.leader_check_interval))


def _too_short(claim: Claim, timing: Timing) -> BackendRejectedError:
    return BackendRejectedError(
        f"the backend guarantees a claim for {claim.guarantee:g} s, which leaves {lifetime(claim.guarantee):g} s: not "
        f"more than renew_deadline ({timing.renew_deadline:g} s); raise what the backend grants or lower renew_deadline"
    )


_ANSWERS = (Granted, Refused, Gone, Relinquished, Observed, Withdrawn, Failed)


@dataclass(frozen=True, slots=True)
class Transition:
    """One row's entry: what is done, and every phase that it can lead to."""

    step: Callable[[Machine, Any], None]
    to: tuple[Phase, ...]


def _to(step: Callable[[Machine, Any], None], *to: Phase) -> Transition:
    return Transition(step, to)


_B, _F, _L = Phase.BOOTSTRAP, Phase.FOLLOWER, Phase.LEADER
_D, _R, _C = Phase.DEPOSED, Phase.RELINQUISHING, Phase.CLOSED
_M = Machine

TRANSITIONS: Mapping[Phase, Mapping[type, Transition]] = {
    _B: {
        Started: _to(_M._start, _B),
        Due: _to(_M._due_follower, _B),
        Notified: _to(_M._notified_follower, _B),
        Granted: _to(_M._granted_follower, _L, _R),
        Refused: _to(_M._refused, _F),
        Failed: _to(_M._failed_follower, _B, _C),
        Observed: _to(_M._observed, _F),
        AsideAsked: _to(_M._aside_asked, _B),
        Withdrawn: _to(_M._withdrawn, _B),
        StopAsked: _to(_M._stop_follower, _D, _C),
    },
    _F: {
        Due: _to(_M._due_follower, _F),
        Notified: _to(_M._notified_follower, _F),
        Granted: _to(_M._granted_follower, _L, _R),
        Refused: _to(_M._refused, _F),
        Observed: _to(_M._observed, _F),
        Failed: _to(_M._failed_follower, _F, _C),
        AsideAsked: _to(_M._aside_asked, _F),
        Withdrawn: _to(_M._withdrawn, _F),
        StopAsked: _to(_M._stop_follower, _D, _C),
        CallbackRaised: _to(_M._raised_follower, _D, _C),
    },
    _L: {
        Due: _to(_M._due_leader, _L, _D),
        Notified: _to(_M._notified_leader, _L),
        Granted: _to(_M._granted_leader, _L, _D),
        Gone: _to(_M._gone_leader, _D),
        Failed: _to(_M._failed_leader, _L, _D),
        RelinquishAsked: _to(_M._relinquish_asked, _D),
        AsideAsked: _to(_M._aside_noted, _L),
        StopAsked: _to(_M._stop_leader, _D),
        CallbackRaised: _to(_M._raised_leader, _D),
    },
    _D: {
        Due: _to(_M._due_deposed, _D, _R, _C),
        Granted: _to(_M._answer_deposed, _D, _R),
        Refused: _to(_M._answer_deposed, _C),
        Observed: _to(_M._answer_deposed, _C),
        Withdrawn: _to(_M._answer_deposed, _C),
        AsideAsked: _to(_M._aside_noted, _D),
        Gone: _to(_M._answer_deposed, _D, _F, _C),
        Failed: _to(_M._answer_deposed, _D, _R, _C),
        CallbacksReturned: _to(_M._returned, _D, _R, _F, _C),
        CallbackRaised: _to(_M._raised_deposed, _D),
        StopAsked: _to(_M._stop_deposed, _D),
    },
    _R: {
        Due: _to(_M._due_relinquishing, _R, _C),
        Relinquished: _to(_M._relinquished, _R, _F, _C),
        Failed: _to(_M._failed_relinquishing, _R, _C),
        CallbacksReturned: _to(_M._returned_late, _R, _F, _C),
        CallbackRaised: _to(_M._raised_deposed, _R),
        AsideAsked: _to(_M._aside_noted, _R),
        StopAsked: _to(_M._stop_deposed, _R),
    },
    _C: {},
}
