"""What comes after a term: the application is told, the claim given up, and then it follows again, or leaves."""

from __future__ import annotations

from math import inf

from incumbent.state import Reason

from .events import (
    CallbackRaised,
    CallbacksReturned,
    Due,
    EndTerm,
    Failed,
    Finish,
    Gone,
    Granted,
    Observed,
    Refused,
    Relinquished,
    StopAsked,
    Timer,
    Verb,
    Withdrawn,
)
from .life import Life
from .phases import Phase

#: Seconds until who has handed over looks for its successor.
FIRST_LOOK = 0.1


# ---------------------------------------------------------------- deposed: the application is being told


def depose(life: Life, reason: Reason, *, keep: bool = False) -> None:
    """End the term. With *keep* the claim is renewed until the application knows (P6)."""
    life.phase = Phase.DEPOSED
    life.keep = keep
    life.told = False
    life.deadline = life.renew_deadline = -inf
    life.do(EndTerm(reason))
    life.turn()
    life.patient = True
    if life.timing.handover_timeout < inf:
        life.set(Timer.HANDOVER_DEADLINE, life.now + life.timing.handover_timeout)


def returned(life: Life, _: CallbacksReturned) -> None:
    """Go on: it knows."""
    life.told = True
    _continue(life)


def answered(life: Life, event: Granted | Gone | Refused | Observed | Relinquished | Withdrawn | Failed) -> None:
    """Note whether there is still a claim, and keep it or go on."""
    if isinstance(event, Granted):
        life.held = True
    elif isinstance(event, Gone):
        life.held = False
    if isinstance(event, Failed):
        if event.permanent:
            stop(life, event.error)
        life.retry(event, life.timing.leader_check_interval)
    else:
        life.answered()
        life.set(Timer.NEXT, life.now + life.timing.leader_check_interval)
    _continue(life)


def due_deposed(life: Life, event: Due) -> None:
    """Keep the claim, or lose patience."""
    if event.timer is Timer.OVERDUE:
        life.overdue()
    elif event.timer is Timer.CLOSE_DEADLINE:
        _hurry(life)
    elif event.timer is Timer.HANDOVER_DEADLINE:
        life.patient = life.now < life.since + life.timing.handover_timeout  # it may be an earlier term's
        _continue(life)
    elif event.timer is Timer.CALLBACKS_LATE and not life.told:
        life.late()
    elif event.timer is Timer.NEXT and life.call is None and life.held and life.keep and not life.told:
        life.ask(Verb.CHECK)


def _continue(life: Life) -> None:
    """Go on after a term, once the application knows, or has taken too long, and no call is out."""
    if not life.told and (life.patient or not life.held or life.call is not None):
        return
    if life.call is not None:
        if life.hurried:
            _close(life)
    elif life.held:
        relinquish(life)
    else:
        _after(life)


# ---------------------------------------------------------------- relinquishing: the claim is being given up


def relinquish(life: Life) -> None:
    """Give the claim up."""
    life.phase = Phase.RELINQUISHING
    life.ask(Verb.RELINQUISH)


def due_relinquishing(life: Life, event: Due) -> None:
    """Ask again, or lose patience."""
    if event.timer is Timer.OVERDUE:
        life.overdue()
        if life.hurried and life.told:
            _close(life)
    elif event.timer is Timer.CLOSE_DEADLINE:
        _hurry(life)
    elif event.timer is Timer.CALLBACKS_LATE and not life.told:
        life.late()
    elif event.timer is Timer.NEXT and life.call is None and life.held:
        life.ask(Verb.RELINQUISH)


def relinquished(life: Life, _: Relinquished) -> None:
    """Go on, once the application knows."""
    life.answered()
    life.held = False
    if life.told:
        _after(life)


def failed(life: Life, event: Failed) -> None:
    """Ask again after a while, unless that cannot help."""
    if event.permanent:
        stop(life, event.error)
    if life.told and (event.permanent or life.hurried):
        _close(life)  # nobody can be reached: the claim ends with its ttl
    elif event.permanent:
        life.held = False  # likewise, but the application is still waited for
    else:
        life.retry(event, life.timing.follower_check_interval)


def returned_late(life: Life, _: CallbacksReturned) -> None:
    """Go on after callbacks that have taken longer than the claim was kept for."""
    life.told = True
    if life.hurried:
        _close(life)
    elif not life.held:
        _after(life)


def _after(life: Life) -> None:
    """Nothing is held: leave, or campaign again (P7)."""
    if life.stopping:
        _close(life)
        return
    life.phase = Phase.FOLLOWER
    if life.keep:
        life.keep, life.returns = False, True
        life.not_before = life.now + life.timing.cooldown
        life.rests_until = life.now + min(FIRST_LOOK, life.timing.cooldown)
        life.set(Timer.NEXT, life.rests_until)
    else:
        life.attempt()


# ---------------------------------------------------------------- leaving


def stop_asked(life: Life, _: StopAsked) -> None:
    """Leave instead of campaigning again."""
    stop(life)


def callback_raised(life: Life, event: CallbackRaised) -> None:
    """Leave with that error instead."""
    stop(life, event.error)


def stop(life: Life, error: Exception | None = None) -> None:
    """Begin to leave; the first *error* is what the run ends with."""
    life.error = life.error or error
    if not life.stopping:
        life.stopping = True
        life.set(Timer.CLOSE_DEADLINE, life.now + life.timing.close_timeout)


def fail(life: Life, error: Exception) -> None:
    """Leave with *error*, without a term to end."""
    stop(life, error)
    leave(life)


def leave(life: Life) -> None:
    """Leave without a term to end; an attempt that is still out may yet bring a claim to give up."""
    life.phase = Phase.DEPOSED
    _continue(life)


def _hurry(life: Life) -> None:
    """Closing has taken its time. What the application still does is waited for, the backend is not."""
    life.hurried = True
    if life.told:
        _close(life)


def _close(life: Life) -> None:
    life.phase = Phase.CLOSED
    life.do(Finish(life.error))
