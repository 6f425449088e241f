"""Searches every state that a small cluster can reach, in whole ticks of time, for two leaders.

Where the simulator draws, this tries everything: candidates send, pause (by doing nothing), and hear late or
never; the server handles a request whenever it likes, ends claims, and fails over; clocks lag. All times are
ticks from now, so that the states are finite. It checks the formulas of the deadline (P2, P3), not the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["NOBODY", "NOTHING", "Rules", "growing_tokens", "overlap", "search"]

T = TypeVar("T")


@dataclass(frozen=True)
class Rules:
    """What the server does, and how candidates count. Ticks."""

    candidates: int = 2
    #: How long the server keeps a silent leader's claim.
    ttl: int = 4
    #: By how much a leader's clock may lag over the length of a term (P1).
    drift: int = 1
    #: By how much it is thought that it may.
    assumed_drift: int = 1
    #: What is taken off (P3).
    margin: int = 1
    #: Count the deadline from the answer: wrong.
    from_reply: bool = False
    #: The server may fail over: it extends claims by `extension`, and the old one answers for `stale` more ticks.
    fails_over: bool = False
    extension: int = 1
    stale: int = 3
    #: The server may end a claim at any time, and then elects nobody for so long; None: it never does.
    lock_delay: int | None = None
    #: Leave the lock-delay out of the deadline: wrong.
    ignore_lock_delay: bool = False

    @property
    def lifetime(self) -> int:
        """How long a term may last without renewal."""
        guarantee = self.ttl
        if self.lock_delay is not None and not self.ignore_lock_delay:
            guarantee = min(guarantee, self.lock_delay)
        return guarantee - self.assumed_drift - self.margin

    @property
    def patience(self) -> int:
        """How long the server waits for a renewal: a session twice its ttl."""
        return self.ttl if self.lock_delay is None else 2 * self.ttl


#: One candidate: ticks that its term has left by its own clock; ticks that this clock may still lag; ages of its
#: request and of the answer that are on their way, or NOTHING.
Candidate = tuple[int, int, int, int]
#: Who holds the claim (or NOBODY), its ticks left, ticks of lock-delay left, ticks for which a stale server answers.
Server = tuple[int, int, int, int]
State = tuple[tuple[Candidate, ...], Server]

NOTHING, NOBODY = -1, -1


def overlap(rules: Rules) -> tuple[int, list[str]]:
    """
    Search all states.

    Returns:
        How many there are, and the steps that lead to two leaders; none if that cannot happen.
    """
    start: State = (((0, 0, NOTHING, NOTHING),) * rules.candidates, (NOBODY, 0, 0, 0))
    return search(start, lambda state: _steps(state, rules), lambda state: sum(one[0] > 0 for one in state[0]) > 1)


def search(
    start: T, steps: Callable[[T], Iterable[tuple[str, T]]], is_wrong: Callable[[T], bool]
) -> tuple[int, list[str]]:
    """Return how many states can be reached, and the way to the first one that is wrong; none if there is none."""
    came: dict[T, tuple[T | None, str]] = {start: (None, "")}
    fresh = [start]
    while fresh:
        found: list[T] = []
        for state in fresh:
            for step, following in steps(state):
                if following in came:
                    continue
                came[following] = state, step
                if is_wrong(following):
                    return len(came), _path(came, following)
                found.append(following)
        fresh = found
    return len(came), []


def _path(came: dict[T, tuple[T | None, str]], state: T) -> list[str]:
    steps: list[str] = []
    at: T | None = state
    while at is not None:
        at, step = came[at]
        steps.append(step)
    return [step for step in reversed(steps) if step]


def _steps(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """Yield everything that can happen next."""
    candidates, server = state
    yield from _ticks(state, rules)
    for number, candidate in enumerate(candidates):
        for step, changed, then in _acts(number, candidate, server, rules):
            others = (*candidates[:number], changed, *candidates[number + 1 :])
            yield f"{step} {number}", (others, then)
    holder, left, delay, _ = server
    if rules.fails_over and holder != NOBODY:
        yield "fail over", (candidates, (holder, rules.patience + rules.extension, delay, rules.stale))
    if rules.lock_delay is not None and holder != NOBODY:
        yield "end the claim", (candidates, (NOBODY, 0, rules.lock_delay, 0))
    assert left >= 0


def _acts(number: int, candidate: Candidate, server: Server, rules: Rules) -> Iterator[tuple[str, Candidate, Server]]:
    term, lag, request, answer = candidate
    holder, left, delay, stale = server
    if request == NOTHING:
        yield "send", (term, lag, 0, answer), server
    else:
        yield "lose the request of", (term, lag, NOTHING, answer), server
        reply = request if request < rules.lifetime or rules.from_reply else NOTHING
        if holder == number:
            kept = left if stale else rules.patience  # a stale server's yes has no effect
            yield "renew for", (term, lag, NOTHING, reply), (holder, kept, delay, stale)
        elif holder == NOBODY and not delay:
            yield "grant to", (term, lag, NOTHING, reply), (number, rules.patience, 0, 0)
    if answer != NOTHING:
        yield "lose the answer to", (term, lag, request, NOTHING), server
        life = rules.lifetime if rules.from_reply else rules.lifetime - answer
        if life > term:
            yield "answer", (life, rules.drift, request, NOTHING), server


def _ticks(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """Let one tick pass: for each leader's clock, or not if it may lag."""
    candidates, (holder, left, delay, stale) = state
    then: Server
    if holder != NOBODY and left <= 1:
        lock_delay = 0 if rules.lock_delay is None else rules.lock_delay
        then = (NOBODY, 0, lock_delay, 0)
    else:
        then = (holder, max(0, left - 1), max(0, delay - 1), max(0, stale - 1))
    choices: list[list[Candidate]] = []
    for term, lag, request, answer in candidates:
        older = request if request == NOTHING else min(request + 1, rules.lifetime)
        late = answer if answer == NOTHING else min(answer + 1, rules.lifetime)
        if late == rules.lifetime and not rules.from_reply:
            late = NOTHING  # too old to be of use
        options = [(max(0, term - 1), lag if term > 1 else 0, older, late)]
        if term and lag:
            options.append((term, lag - 1, older, late))
        choices.append(options)
    for mix in _mixes(choices):
        yield "tick", (mix, then)


def _mixes(choices: list[list[Candidate]]) -> Iterator[tuple[Candidate, ...]]:
    if not choices:
        yield ()
        return
    for rest in _mixes(choices[1:]):
        for first in choices[0]:
            yield (first, *rest)


def growing_tokens(token: str, *, longest: int = 7) -> list[str]:
    """
    Try every history of one Consul key.

    Args:
        token: "ModifyIndex" or "LockIndex": which of the two the leaders would use.
        longest: How many steps the longest histories have.

    Returns:
        A history in which a token is not larger than the one before; empty if there is none.
    """
    histories: list[tuple[list[str], int, int, bool, bool, int]] = [([], 0, 0, False, False, 0)]
    for _ in range(longest):
        longer = []
        for steps, index, lock_index, exists, locked, last in histories:
            following = [("put", index + 1, 0, True, locked)]  # anybody's plain PUT
            if exists:
                following.append(("delete", index + 1, 0, False, False))
            if locked:
                following.append(("release", index + 1, lock_index, True, False))
            else:
                following.append(("acquire", index + 1, lock_index + 1, True, True))
            for step, new_index, new_lock_index, there, held in following:
                newest = last
                if step == "acquire":
                    newest = new_index if token == "ModifyIndex" else new_lock_index
                    if newest <= last:
                        return [*steps, step]
                longer.append(([*steps, step], new_index, new_lock_index, there, held, newest))
        histories = longer
    return []
