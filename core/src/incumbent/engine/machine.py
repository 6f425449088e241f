"""Decides what an election does, and when it asks, retries and gives up: `handle(event, now) -> actions`, a pure table.

Rule 1: every event that a phase reacts to is in `TRANSITIONS`, with every phase it can lead to. An
event that is not in a phase's row changes nothing there. What is done stands in `following`, `leading`
and `relinquishing`; what those share, in `life`.
Rule 2: nothing there or here does I/O, knows a thread, asks for the time, draws a random number or logs.
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
from typing import Any

from incumbent.state import Reason

from . import following, leading, relinquishing
from .events import (
    Action,
    AsideAsked,
    CallbackRaised,
    CallbacksReturned,
    Due,
    Event,
    Failed,
    Gone,
    Granted,
    Notified,
    Observed,
    Refused,
    RelinquishAsked,
    Relinquished,
    Started,
    StopAsked,
    Withdrawn,
)
from .life import Life
from .phases import Phase, Timing

__all__ = ["TRANSITIONS", "Machine", "Phase", "Timing", "Transition"]


class Machine(Life):
    """One candidate of one election. Not thread-safe: one thread at a time."""

    def handle(self, event: Event, now: float) -> list[Action]:
        """
        Take *event* at *now* and return what is to be done, in order.

        Whatever the event is, a term whose renew deadline has passed ends first: a late timer, a
        suspended machine or a stuck thread must not let an old answer pass for a new one (P2).
        """
        self.now, self.actions = now, []
        if self.phase is Phase.LEADER and now >= self.renew_deadline:
            relinquishing.depose(self, Reason.NOT_RENEWED)
        if isinstance(event, _ANSWERS):
            self.call = None
        transition = TRANSITIONS[self.phase].get(type(event))
        if transition is not None:
            transition.step(self, event)
        return self.actions


_ANSWERS = (Granted, Refused, Gone, Relinquished, Observed, Withdrawn, Failed)


@dataclass(frozen=True, slots=True)
class Transition:
    """One row's entry: what is done, and every phase that it can lead to."""

    step: Callable[[Life, Any], None]
    to: tuple[Phase, ...]


def _to(step: Callable[[Life, Any], None], *to: Phase) -> Transition:
    return Transition(step, to)


_B, _F, _L = Phase.BOOTSTRAP, Phase.FOLLOWER, Phase.LEADER
_D, _R, _C = Phase.DEPOSED, Phase.RELINQUISHING, Phase.CLOSED

TRANSITIONS: Mapping[Phase, Mapping[type, Transition]] = {
    _B: {
        Started: _to(following.started, _B),
        Due: _to(following.due, _B),
        Notified: _to(following.notified, _B),
        Granted: _to(following.granted, _L, _R),
        Refused: _to(following.refused, _F),
        Failed: _to(following.failed, _B, _C),
        Observed: _to(following.observed, _F),
        AsideAsked: _to(following.aside_asked, _B),
        Withdrawn: _to(following.withdrawn, _B),
        StopAsked: _to(following.stop_asked, _D, _C),
    },
    _F: {
        Due: _to(following.due, _F),
        Notified: _to(following.notified, _F),
        Granted: _to(following.granted, _L, _R),
        Refused: _to(following.refused, _F),
        Observed: _to(following.observed, _F),
        Failed: _to(following.failed, _F, _C),
        AsideAsked: _to(following.aside_asked, _F),
        Withdrawn: _to(following.withdrawn, _F),
        StopAsked: _to(following.stop_asked, _D, _C),
        CallbackRaised: _to(following.callback_raised, _D, _C),
    },
    _L: {
        Due: _to(leading.due, _L, _D),
        Notified: _to(leading.notified, _L),
        Granted: _to(leading.granted, _L, _D),
        Gone: _to(leading.gone, _D),
        Failed: _to(leading.failed, _L, _D),
        RelinquishAsked: _to(leading.relinquish_asked, _D),
        AsideAsked: _to(Life.note_aside, _L),
        StopAsked: _to(leading.stop_asked, _D),
        CallbackRaised: _to(leading.callback_raised, _D),
    },
    _D: {
        Due: _to(relinquishing.due_deposed, _D, _R, _C),
        Granted: _to(relinquishing.answered, _D, _R),
        Refused: _to(relinquishing.answered, _C),
        Observed: _to(relinquishing.answered, _C),
        Withdrawn: _to(relinquishing.answered, _C),
        AsideAsked: _to(Life.note_aside, _D),
        Gone: _to(relinquishing.answered, _D, _F, _C),
        Failed: _to(relinquishing.answered, _D, _R, _C),
        CallbacksReturned: _to(relinquishing.returned, _D, _R, _F, _C),
        CallbackRaised: _to(relinquishing.callback_raised, _D),
        StopAsked: _to(relinquishing.stop_asked, _D),
    },
    _R: {
        Due: _to(relinquishing.due_relinquishing, _R, _C),
        Relinquished: _to(relinquishing.relinquished, _R, _F, _C),
        Failed: _to(relinquishing.failed, _R, _C),
        CallbacksReturned: _to(relinquishing.returned_late, _R, _F, _C),
        CallbackRaised: _to(relinquishing.callback_raised, _R),
        AsideAsked: _to(Life.note_aside, _R),
        StopAsked: _to(relinquishing.stop_asked, _R),
    },
    _C: {},
}
