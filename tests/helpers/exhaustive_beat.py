"""Searches every state of a small cluster on a store that can compare and set, in whole ticks, for two leaders.

Nothing ends on the server. Who waits looks whenever it likes, counts for how long the beat has stayed the same, and
sends a request that names that beat; the server compares when the request arrives, however late. All else is as in
`exhaustive`: it checks the rules of the protocol and the formula of the deadline, not the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from exhaustive import NOBODY, NOTHING, search

__all__ = ["BeatRules", "beat_overlap"]

#: Who holds the record that a server shows which may have forgotten a claim.
UNKNOWN = -2


@dataclass(frozen=True)
class BeatRules:
    """How candidates count. Ticks."""

    candidates: int = 2
    #: Of the claims; and how long a beat must have stayed the same, if that is something else: wrong.
    ttl: int = 5
    patience: int | None = None
    #: By how much a leader's clock may lag over the length of a term (P1), and what is taken off for it and besides.
    drift: int = 1
    assumed_drift: int = 1
    margin: int = 1
    #: The server may come back without the record, and then shows one of nobody; or none, if it is not `wary`: wrong.
    forgets: bool = False
    wary: bool = True
    #: Count the deadline from the answer: wrong.
    from_reply: bool = False
    #: Replace a silent record without comparing its beat: wrong.
    compares: bool = True
    #: Count for how long there has been the same leader, and not the same beat: wrong.
    by_leader: bool = False
    #: Ticks that a sight counts from before its answer: wrong.
    early: int = 0

    @property
    def lifetime(self) -> int:
        """How long a term may last without renewal."""
        return self.ttl - self.assumed_drift - self.margin

    @property
    def enough(self) -> int:
        """How long a beat must have stayed the same."""
        return self.ttl if self.patience is None else self.patience


class Candidate(NamedTuple):
    """One candidate."""

    #: Ticks that its term has left, and that its clock may still lag.
    term: int = 0
    lag: int = 0
    #: How old the request and the answer are that are on their way.
    request: int = NOTHING
    answer: int = NOTHING
    #: Whether that request names the beat that is there as silent; and for how long it has seen that beat.
    takes: bool = False
    seen: int = NOTHING


#: The candidates, and who holds the record.
State = tuple[tuple[Candidate, ...], int]


def beat_overlap(rules: BeatRules) -> tuple[int, list[str]]:
    """
    Search all states.

    Returns:
        How many there are, and the steps that lead to two leaders; none if that cannot happen.
    """
    start: State = ((Candidate(),) * rules.candidates, NOBODY)
    return search(start, lambda state: _steps(state, rules), lambda state: sum(one.term > 0 for one in state[0]) > 1)


def _steps(state: State, rules: BeatRules) -> Iterator[tuple[str, State]]:
    """Yield everything that can happen next."""
    candidates, holder = state
    for number, one in enumerate(candidates):
        for step, changed in _acts(number, one, holder, rules):
            yield f"{step} {number}", (_with(candidates, number, changed), holder)
        if one.request != NOTHING:
            reply = one.request if one.request < rules.lifetime or rules.from_reply else NOTHING
            done = one._replace(request=NOTHING, takes=False, answer=reply, seen=NOTHING)
            if holder == number:
                others = candidates if rules.by_leader else _unseen(candidates, rules)
                yield f"renew for {number}", (_with(others, number, done), holder)
            elif holder == NOBODY or one.takes:
                yield f"grant to {number}", (_with(_unseen(candidates, rules), number, done), number)
    if rules.forgets and holder not in (NOBODY, UNKNOWN):
        yield "forget", (_unseen(candidates, rules), UNKNOWN if rules.wary else NOBODY)
    for mix in _mixes([list(_aged(one, rules)) for one in candidates]):
        yield "tick", (mix, holder)


def _acts(number: int, one: Candidate, holder: int, rules: BeatRules) -> Iterator[tuple[str, Candidate]]:
    if one.seen == NOTHING and holder not in (NOBODY, number):
        yield "look", one._replace(seen=min(rules.early, rules.enough))
    if one.request == NOTHING:
        yield "send", one._replace(request=0, takes=one.seen >= rules.enough)
    else:
        yield "lose the request of", one._replace(request=NOTHING, takes=False)
    if one.answer != NOTHING:
        yield "lose the answer to", one._replace(answer=NOTHING)
        life = rules.lifetime - (0 if rules.from_reply else one.answer)
        if life > one.term:
            yield "answer", one._replace(term=life, lag=rules.drift, answer=NOTHING)


def _unseen(candidates: tuple[Candidate, ...], rules: BeatRules) -> tuple[Candidate, ...]:
    """Change the beat: nobody has seen the new one, and requests that name the old one take nothing over."""
    return tuple(one._replace(seen=NOTHING, takes=one.takes and not rules.compares) for one in candidates)


def _aged(one: Candidate, rules: BeatRules) -> Iterator[Candidate]:
    """Let one tick pass; a leader's clock may lag."""
    request = one.request if one.request == NOTHING else min(one.request + 1, rules.lifetime)
    answer = one.answer if one.answer == NOTHING else min(one.answer + 1, rules.lifetime)
    if answer == rules.lifetime and not rules.from_reply:
        answer = NOTHING  # too old to be of use
    seen = one.seen if one.seen == NOTHING else min(one.seen + 1, rules.enough)
    later = one._replace(request=request, answer=answer, seen=seen)
    yield later._replace(term=max(0, one.term - 1), lag=one.lag if one.term > 1 else 0)
    if one.term and one.lag:
        yield later._replace(lag=one.lag - 1)


def _with(candidates: tuple[Candidate, ...], number: int, one: Candidate) -> tuple[Candidate, ...]:
    return (*candidates[:number], one, *candidates[number + 1 :])


def _mixes(choices: list[list[Candidate]]) -> Iterator[tuple[Candidate, ...]]:
    if not choices:
        yield ()
        return
    for rest in _mixes(choices[1:]):
        for first in choices[0]:
            yield (first, *rest)
