"""Reads the journals when all is over: who believed to lead, when, with which token; and what that breaks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import Any

from incumbent.registry import load_backend_class

from .crew import Crew, Hand
from .nemesis import Fault
from .stages import Stage

__all__ = ["Tenure", "Verdict", "counted", "judge", "report"]

#: Seconds in which a leader that is connected learns of the end of its claim.
PROMPT = 1.0


@dataclass
class Tenure:
    """A time in which one candidate believed that it leads; seconds on the boot-time clock."""

    election: str
    candidate: str
    token: int
    began: float
    ended: float
    #: Why the candidate was told that it is over.
    reason: str | None = None


@dataclass
class Verdict:
    """What the journals show."""

    tenures: list[Tenure] = field(default_factory=list)
    #: What breaks a promise, in words.
    broken: list[str] = field(default_factory=list)
    #: Overlaps and tokens out of order that an operator caused, who took a claim away.
    excused: int = 0
    #: Overlaps that the store caused, by a defect of its own that is known: see `Stage.betrays`.
    betrayed: list[str] = field(default_factory=list)
    #: Faults after which nobody led within the bound.
    unrecovered: set[int] = field(default_factory=set)
    #: For how long nobody led between two terms, seconds, in order of length.
    gaps: list[float] = field(default_factory=list)
    #: The longest of them from the end of the last fault on, seconds.
    slowest: float = 0.0
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def middle_gap(self) -> float:
        """The median of the gaps, seconds."""
        return self.gaps[len(self.gaps) // 2] if self.gaps else 0.0


def judge(stage: Stage, crews: list[Crew], faults: list[Fault], until: float) -> Verdict:
    """Read everything."""
    verdict = Verdict()
    for crew in crews:
        tenures = []
        for hand in (*crew.past, *crew.hands):
            tenures += _tenures(crew, hand, verdict)
        tenures.sort(key=lambda tenure: tenure.began)
        verdict.tenures += tenures
        ours = [fault for fault in faults if fault.election in (None, crew.name)]
        _judge_order(tenures, stage, ours, verdict)
        _judge_recovery(crew, stage, tenures, ours, until, verdict)
    verdict.gaps.sort()
    return verdict


def _tenures(crew: Crew, hand: Hand, verdict: Verdict) -> list[Tenure]:
    """Read one journal, and check the order of what it was told (P6)."""
    found: list[Tenure] = []
    current: Tenure | None = None
    told: int | None = None
    deadline = inf
    lines = hand.journal.read_text().splitlines() if hand.journal.exists() else []
    last = None
    for line in lines:
        try:
            when, what, token, more = json.loads(line)
        except ValueError:
            continue  # the last line of who was killed while it wrote
        last = what
        verdict.notes[what] += 1
        if what == "elected":
            if told is not None:
                verdict.broken.append(f"P6: {hand.name} was told of term {token} within term {told}")
            told = token
            current = Tenure(crew.name, hand.name, token, when, inf)
            deadline = inf if more is None else more
            found.append(current)
        elif what == "valid" and current is not None and token == current.token:
            deadline = inf if more is None else more
        elif what in ("over", "invalid") and current is not None and token == current.token:
            current.ended = min(current.ended, when, deadline)
        elif what == "deposed":
            if told != token:
                verdict.broken.append(f"P6: {hand.name} was told that term {token} is over, and not that it began")
            if current is not None and current.token == token:
                current.reason = more
                if current.ended == inf:  # its end was noted before its beginning, which its process heard of late
                    current.ended = min(when, deadline)
            told = None
        elif what == "follows" and told is not None:
            verdict.broken.append(f"P6: {hand.name} was told that it follows within term {told}")
        elif what == "failed":
            verdict.broken.append(f"P7: {hand.name} gave up: {more}")
        elif what == "closed" and more:
            verdict.broken.append(f"P8: {hand.name} left threads: {more}")
    if current is not None and current.ended == inf:
        current.ended = min(deadline, inf if hand.killed_at is None else hand.killed_at)
    if hand.leaving and lines and last != "closed":  # a signal may come before it has got its bearings
        verdict.broken.append(f"P8: {hand.name} was told to leave, and did not say that it has")
    return found


def _judge_order(tenures: list[Tenure], stage: Stage, faults: list[Fault], verdict: Verdict) -> None:
    """P1: no two at once. P4: tokens grow."""
    if not tenures:
        return
    expires = load_backend_class(stage.elector).capabilities.expiry
    excuses = [(fault.began, fault.ended + stage.ttl) for fault in faults if fault.excused]
    betrayals = [(fault.began, fault.ended + PROMPT) for fault in faults if fault.what in stage.betrays]
    before = tenures[0]
    for after in tenures[1:]:
        problem = None
        if after.began < before.ended:
            problem = f"P1: {before.candidate} and {after.candidate} led at once for {before.ended - after.began:.3f} s"
        elif after.token <= before.token:
            problem = f"P4: token {after.token} of {after.candidate} after {before.token} of {before.candidate}"
        is_taken = not expires and _is_deprived(before, after, faults)
        if problem is not None and (is_taken or any(begin <= after.began <= end for begin, end in excuses)):
            verdict.excused += 1
        elif problem is not None and _is_betrayed(before, after, betrayals):
            verdict.betrayed.append(problem)
        elif problem is not None:
            verdict.broken.append(problem)
        before = max(before, after, key=lambda tenure: tenure.ended)


def _is_deprived(before: Tenure, after: Tenure, faults: list[Fault]) -> bool:
    """Tell whether an operator took the claim of a leader that stood still, and learned of it when it ran again."""
    taken = any(fault.excused and before.began <= fault.ended and fault.began <= after.began for fault in faults)
    still = [fault for fault in faults if not fault.excused and fault.began <= after.began <= fault.ended]
    woke = any(after.began < before.ended < fault.ended + PROMPT for fault in still)
    return taken and woke and before.reason == "lost"


def _is_betrayed(before: Tenure, after: Tenure, betrayals: list[tuple[float, float]]) -> bool:
    """Tell whether the store had ended the claim before its time, and the leader was told so at once."""
    prompt = before.reason == "lost" and before.ended - after.began < PROMPT
    return prompt and any(begin <= after.began <= end for begin, end in betrayals)


def _judge_recovery(crew, stage, tenures, faults, until, verdict) -> None:
    """P7: if nobody leads somebody does in time, from the last fault on that came before or meanwhile."""
    since = tenures[0].ended if tenures else min((fault.began for fault in faults), default=until)
    outages = []
    for tenure in tenures[1:]:
        if tenure.began >= since:  # else it overlaps with the one before
            outages.append((since, tenure.began))
        since = max(since, tenure.ended)
    verdict.gaps += [ended - began for began, ended in outages]
    for began, ended in [*outages, (since, max(since, until))]:
        quiet, last = began, None
        for fault in sorted(faults, key=lambda fault: fault.began):
            if fault.began < min(ended, quiet + stage.bound) and fault.ended > quiet - stage.ttl:
                quiet, last = max(quiet, fault.ended), fault
        verdict.slowest = max(verdict.slowest, ended - quiet)
        if ended > quiet + stage.bound:
            what = "" if last is None else f" after '{last.what}'"
            verdict.broken.append(f"P7: nobody led {crew.name} for {ended - quiet:.1f} s{what}")
            verdict.unrecovered.add(id(last))


def counted(faults: list[Fault]) -> Counter[str]:
    """Return how often each fault happened."""
    return Counter(fault.what for fault in faults)


def report(
    verdict: Verdict, faults: list[Fault], repertoire: set[str], register: dict[str, Any], took: float
) -> dict[str, Any]:
    """Return everything for programs; of the faults also those that did not happen."""
    return {
        "faults": dict(Counter({**dict.fromkeys(sorted(repertoire), 0), **counted(faults)}).most_common()),
        "terms": len(verdict.tenures),
        "broken": verdict.broken,
        "excused": verdict.excused,
        "betrayed by the store": verdict.betrayed,
        "recovered": len(faults) - len(verdict.unrecovered),
        "seconds without a leader": {"median": verdict.middle_gap, "longest": max(verdict.gaps, default=0.0)},
        "seconds from the last fault to a leader, at most": verdict.slowest,
        "register": register,
        "seconds": took,
    }
