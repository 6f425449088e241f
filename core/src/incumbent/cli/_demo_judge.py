"""Judges from what the demo's processes wrote down whether everything happened that the demo claims.

A pure function of stamped entries, so that it can be shown logs in which something went wrong. All
stamps are `boottime()`, which has one origin in every process of a host.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

#: The demo claims that a successor leads within a fraction of a second.
SOON = 1.0

KILL = "kill"
HAND_OVER = "hand-over"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one candidate wrote down."""

    at: float
    candidate: str
    #: "follows", "begin", "work" or "end".
    event: str
    token: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What the demo did to the leader, stamped just before."""

    at: float
    #: `KILL` or `HAND_OVER`.
    kind: str
    candidate: str
    token: int

    def __str__(self) -> str:
        return f"the {self.kind} of {self.candidate} (token {self.token})"


@dataclass(frozen=True, slots=True)
class Succession:
    """An act and the term that followed it."""

    act: Act
    successor: Entry

    @property
    def seconds(self) -> float:
        """How long nobody led."""
        return self.successor.at - self.act.at


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was observed, and what of the claims was not."""

    terms: list[Entry]
    successions: list[Succession]
    work: int
    overlaps: list[str]
    faults: list[str]


def judge(entries: list[Entry], acts: list[Act], plan: list[str]) -> Verdict:
    """
    Compare the *entries* of all candidates with what the demo claims.

    Args:
        entries: In any order; their stamps count.
        acts: What was done, in order.
        plan: The kinds of the acts that were to be done.
    """
    terms = sorted((entry for entry in entries if entry.event == "begin"), key=lambda entry: entry.at)
    work = [entry for entry in entries if entry.event == "work"]
    successions = _successions(terms, acts)
    overlaps = _overlaps(terms, work, acts)
    faults = [
        *_undone(acts, plan),
        *_bad_terms(terms, work, acts),
        *_bad_successions(successions, acts, entries),
        *overlaps,
    ]
    return Verdict(terms, successions, len(work), overlaps, faults)


def _successions(terms: list[Entry], acts: list[Act]) -> list[Succession]:
    """Pair each act with the term that came after the one it ended."""
    following = {(term.candidate, term.token): after for term, after in pairwise(terms)}
    after = [(act, following.get((act.candidate, act.token))) for act in acts]
    return [Succession(act, successor) for act, successor in after if successor is not None]


def _overlaps(terms: list[Entry], work: list[Entry], acts: list[Act]) -> list[str]:
    """
    Find every proof that a term was still valid after a newer one had begun (P1, P4).

    Whoever was killed or asked to hand over was leading until then, so that an act is a proof as well.
    """
    claims: list[Entry | Act] = [*terms, *work, *acts]
    proofs = [(claim.at, claim.token, claim.candidate) for claim in claims]
    newest_at, newest, owner = float("-inf"), 0, ""
    found = []
    for at, token, candidate in sorted(proofs):
        if token > newest:
            newest_at, newest, owner = at, token, candidate
        elif token < newest or candidate != owner:
            late = (at - newest_at) * 1000
            found.append(
                f"overlap: {candidate} led with token {token} {late:.1f} ms after {owner} began token {newest}"
            )
    return found


def _undone(acts: list[Act], plan: list[str]) -> list[str]:
    """Compare what was done with what was to be done."""
    done = [act.kind for act in acts]
    return [] if done == plan else [f"only {len(done)} of {len(plan)} kills and hand-overs could be carried out"]


def _bad_terms(terms: list[Entry], work: list[Entry], acts: list[Act]) -> list[str]:
    """Find terms without a greater token, without work, or too many of them."""
    if not terms:
        return ["nobody was elected"]
    faults = [
        f"token {after.token} of {after.candidate} is not greater than token {before.token} of {before.candidate}"
        for before, after in pairwise(terms)
        if after.token <= before.token
    ]
    worked = {(entry.candidate, entry.token) for entry in work}
    faults += [
        f"{term.candidate} did no work with token {term.token}"
        for term in terms
        if (term.candidate, term.token) not in worked
    ]
    if len(terms) > len(acts) + 1:
        faults.append(f"{len(terms)} terms began where {len(acts) + 1} were to begin: one ended by itself")
    return faults


def _bad_successions(successions: list[Succession], acts: list[Act], entries: list[Entry]) -> list[str]:
    """Find acts that nobody succeeded, or too late, or that were no real hand-over."""
    succeeded = {succession.act for succession in successions}
    faults = [f"nobody led after {act}" for act in acts if act not in succeeded]
    for succession in successions:
        act, successor = succession.act, succession.successor
        if succession.seconds > SOON:
            faults.append(f"{successor.candidate} led only {succession.seconds:.1f} s after {act}")
        if act.kind != HAND_OVER:
            continue
        if successor.candidate == act.candidate:
            faults.append(f"{act.candidate} led again after {act}")
        if not any(e.event == "end" and e.token == act.token and e.detail == "relinquished" for e in entries):
            faults.append(f"{act.candidate} never said that it relinquished token {act.token}")
    return faults
