"""What a candidate knows of its election: who leads, and what keeps it from leading."""

from __future__ import annotations

from dataclasses import dataclass

from .elector import LeaderRecord
from .state import State

__all__ = ["Situation"]

#: Seconds from which on a stalled engine is worth a word.
STALLED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    What a candidate knows of its election at one moment. Immutable; `str` makes one line of it.

    It has been found out while campaigning: nothing is asked for it, and nothing in it is a promise.

    Attributes:
        state: What the candidate is.
        campaigns: Whether it is in the election: false before `start` and when it has left.
        leader: Who leads: this candidate, or what `on_leader_changed` was told last. None: not known, as ever without
            that.
        error: Why the last call into the backend failed, or what has ended the election; None if all is well.
        failing: For how long the backend has failed, seconds.
        callback: The callback that has not returned, so that the end (or the beginning) of a term waits; None if none
            does.
        waiting: For how long it has kept that waiting, seconds.
        aside: For how long this candidate still stands aside, seconds; `inf` for as long as nothing changes. After a
            hand-over it ends when another leads.
        aside_for: Why it does, unless it has handed over: "it is not eligible", "it is not healthy", "the election is
            paused", "another candidate is to lead", "those that are preferred go first"; None if it does not.
        stalled: For how long the engine has not looked at anything, seconds; it does every second.
    """

    state: State
    campaigns: bool = True
    leader: LeaderRecord | None = None
    error: Exception | None = None
    failing: float = 0.0
    callback: str | None = None
    waiting: float = 0.0
    aside: float = 0.0
    aside_for: str | None = None
    stalled: float = 0.0

    def __str__(self) -> str:
        if not self.campaigns:
            return "it is no candidate" if self.error is None else f"the election has ended: {self.error}"
        if self.stalled > STALLED:
            return f"the engine is stuck, and has been for {_duration(self.stalled)}"
        if self.callback is not None:
            begins = self.state is State.LEADER
            waits = "the term that has begun" if begins else "the end of the last term"
            return f"{self.callback} has not returned: {waits} has waited for it for {_duration(self.waiting)}"
        if self.error is not None:
            return f"the backend has failed for {_duration(self.failing)}: {self.error}"
        return self._who_leads()

    def _who_leads(self) -> str:
        if self.state is State.LEADER:
            return "this candidate leads"
        if self.leader is not None and self.leader.candidate is not None:
            return f"{self.leader.candidate!r} leads, token {self.leader.token}"
        if self.aside_for is not None:
            return f"this candidate stands aside: {self.aside_for}"
        if self.aside > 0.0:
            return f"this candidate has handed over, and stands aside for {_duration(self.aside)} more"
        if self.state is State.BOOTSTRAP:
            return "the backend has not answered yet"
        if self.leader is not None:
            return "nobody leads, and nobody can before a claim that may have been there has ended: a ttl at most"
        return "another candidate leads, or its claim has not ended yet"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
