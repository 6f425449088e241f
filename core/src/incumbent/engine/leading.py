"""What a leader does: its term begins with a claim, is extended by each check, and ends at the renew deadline."""

from __future__ import annotations

from math import inf

from incumbent.config import lifetime
from incumbent.elector import Claim
from incumbent.state import Reason

from . import relinquishing
from .events import (
    BeginTerm,
    CallbackRaised,
    Due,
    ExtendTerm,
    Failed,
    Gone,
    Granted,
    Notified,
    RelinquishAsked,
    StopAsked,
    TellLeader,
    Timer,
    Verb,
)
from .life import Life
from .phases import Phase


def begin(life: Life, claim: Claim) -> None:
    """Begin the term of *claim*."""
    life.phase = Phase.LEADER
    life.token = claim.token
    _extend(life, claim)
    life.do(BeginTerm(claim, life.deadline))
    life.turn()


def due(life: Life, event: Due) -> None:
    """Check, or say what is late."""
    if event.timer is Timer.OVERDUE:
        life.overdue()
    elif event.timer is Timer.NEXT:
        _check(life)
    elif event.timer is Timer.CALLBACKS_LATE:
        life.late()


def notified(life: Life, _: Notified) -> None:
    """Check at once."""
    _check(life)


def granted(life: Life, event: Granted) -> None:
    """Extend the term."""
    life.answered()
    if event.claim.token != life.token:
        relinquishing.depose(life, Reason.LOST)  # a claim of another term cannot extend this one (P4)
        return
    _extend(life, event.claim)
    life.do(ExtendTerm(life.deadline, event.claim.testament), TellLeader())
    if life.again:
        life.ask(Verb.CHECK)


def gone(life: Life, _: Gone) -> None:
    """End the term: there is nothing to give up."""
    life.answered()
    life.held = False
    relinquishing.depose(life, Reason.LOST)


def failed(life: Life, event: Failed) -> None:
    """Check again after a while: the term goes on until its renew deadline."""
    if event.permanent:
        relinquishing.stop(life, event.error)
        relinquishing.depose(life, Reason.REJECTED)
    else:
        life.retry(event, life.timing.leader_check_interval)


def relinquish_asked(life: Life, event: RelinquishAsked) -> None:
    """Hand over."""
    relinquishing.depose(life, event.reason, keep=True)


def stop_asked(life: Life, _: StopAsked) -> None:
    """Hand over, and leave."""
    relinquishing.stop(life)
    relinquishing.depose(life, Reason.STOPPED, keep=True)


def callback_raised(life: Life, event: CallbackRaised) -> None:
    """Hand over, and leave with that error."""
    relinquishing.stop(life, event.error)
    relinquishing.depose(life, Reason.CALLBACK_FAILED, keep=True)


def renew_by(life: Life, claim: Claim) -> float:
    """Return when it must have been renewed; one that does not last longer than that puts nothing off (P3)."""
    if claim.guarantee == inf:
        return inf
    lasts = lifetime(claim.guarantee) > life.timing.renew_deadline
    return claim.sent + life.timing.renew_deadline if lasts else -inf


def _check(life: Life) -> None:
    if life.call is None:
        life.ask(Verb.CHECK)
    else:
        life.again = True


def _extend(life: Life, claim: Claim) -> None:
    """Count the deadlines from *sent*; an answer that was sent earlier never shortens them (P2, P3)."""
    life.deadline = max(life.deadline, claim.sent + lifetime(claim.guarantee))
    life.renew_deadline = max(life.renew_deadline, renew_by(life, claim))
    if life.renew_deadline < inf:
        life.set(Timer.RENEW_DEADLINE, life.renew_deadline)
    life.set(Timer.NEXT, max(life.now, claim.sent + life.timing.leader_check_interval))
