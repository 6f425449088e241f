"""What a follower does: it tries to be elected, one attempt at a time, or stands aside and looks on."""

from __future__ import annotations

from incumbent.config import lifetime
from incumbent.elector import Claim
from incumbent.errors import BackendRejectedError

from . import leading, relinquishing
from .events import (
    AsideAsked,
    CallbackRaised,
    Due,
    Failed,
    Granted,
    Notified,
    Observed,
    Refused,
    Started,
    StopAsked,
    TellFollower,
    TellRecord,
    Timer,
    Verb,
    Withdrawn,
)
from .life import Life
from .phases import Phase, Timing


def started(life: Life, _: Started) -> None:
    """Make the first attempt."""
    life.attempt()


def due(life: Life, event: Due) -> None:
    """Make the next one."""
    if event.timer is Timer.OVERDUE:
        life.overdue()
    elif event.timer is Timer.NEXT:
        life.attempt()


def notified(life: Life, _: Notified) -> None:
    """Make the next one at once."""
    life.attempt()


def granted(life: Life, event: Granted) -> None:
    """Begin a term, if it can be a safe one."""
    life.answered()
    life.held = True
    claim = event.claim
    if lifetime(claim.guarantee) <= life.timing.renew_deadline:
        relinquishing.fail(life, _too_short(claim, life.timing))
    elif claim.token == life.token:
        # The claim of the term before, which something on its way may still end: a term has its own (P4).
        life.not_before = life.now + life.timing.follower_check_interval
        relinquishing.relinquish(life)
    elif life.now >= leading.renew_by(life, claim):
        relinquishing.relinquish(life)  # the answer took so long that a term could not begin safely (P2)
    else:
        leading.begin(life, claim)


def refused(life: Life, _: Refused) -> None:
    """Follow, and look who leads if the application wants to know."""
    life.answered()
    life.phase = Phase.FOLLOWER
    life.do(TellFollower())
    if life.again or life.now < life.aside_until:
        life.attempt()
    elif life.timing.wants_records and life.timing.can_observe:
        life.ask(Verb.OBSERVE)
    else:
        life.set(Timer.NEXT, life.now + life.poll_interval())


def observed(life: Life, event: Observed) -> None:
    """Tell who leads, and wait for the next attempt."""
    life.answered()
    if life.phase is Phase.BOOTSTRAP or life.now < life.aside_until:  # it looks on instead of trying
        life.phase = Phase.FOLLOWER
        life.do(TellFollower())
    life.do(TellRecord(event.record))
    is_served = event.record.candidate not in (None, life.timing.candidate)
    if is_served:
        life.not_before = life.now  # another leads: standing aside has served its purpose
    is_back, life.returns = is_served and life.returns, life.returns and not is_served
    if life.again or is_back:  # it has no place in the queue: nobody would tell it of anything
        life.attempt()
    else:
        pause = life.poll_interval()
        if life.now < life.may_try():
            pause = min(life.may_try() - life.now, life.timing.follower_check_interval)
        life.set(Timer.NEXT, life.now + pause)


def failed(life: Life, event: Failed) -> None:
    """Try again after a while, unless asking again cannot help."""
    if event.permanent:
        relinquishing.fail(life, event.error)
    else:
        life.retry(event, life.timing.follower_check_interval)


def aside_asked(life: Life, event: AsideAsked) -> None:
    """Stand aside until then, or not any more. What is out may still bring a claim, which begins a term."""
    is_back = event.called and life.now < life.not_before
    if is_back:
        life.not_before = life.now  # another has led since it has handed over, whether it has seen that or not
    if is_back or event.until != life.aside_until:
        life.aside_until = event.until
        life.attempt()


def withdrawn(life: Life, _: Withdrawn) -> None:
    """Go on without a place in the queue."""
    life.answered()
    life.queues = False
    life.attempt()


def stop_asked(life: Life, _: StopAsked) -> None:
    """Leave."""
    relinquishing.stop(life)
    relinquishing.leave(life)


def callback_raised(life: Life, event: CallbackRaised) -> None:
    """Leave with that error."""
    relinquishing.fail(life, event.error)


def _too_short(claim: Claim, timing: Timing) -> BackendRejectedError:
    return BackendRejectedError(
        f"the backend guarantees a claim for {claim.guarantee:g} s, which leaves {lifetime(claim.guarantee):g} s: not "
        f"more than renew_deadline ({timing.renew_deadline:g} s); raise what the backend grants or lower renew_deadline"
    )
