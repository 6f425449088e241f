"""Waiting with a deadline for what real servers and processes do by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from incumbent import (
    BackendSettings,
    BackendUnavailableError,
    Claim,
    InvalidStateError,
    LeaderElection,
    LeaderElector,
)

T = TypeVar("T")

#: Seconds after which something that happens by itself has not happened.
PATIENCE = 60.0
#: The timeout, seconds, of requests that are answered: more than the busiest machine takes.
ANSWERED = 20.0


def durations(ttl: float, silence: float) -> tuple[Callable[..., BackendSettings], BackendSettings, BackendSettings]:
    """
    Return what makes settings of *ttl* and requests that are answered, and two that are made for tests which wait.

    Those are for a claim to end by itself, and for a request that is never answered, after *silence*.
    """

    def settings(ttl: float = ttl, request_timeout: float = ANSWERED) -> BackendSettings:
        return BackendSettings(ttl, request_timeout)

    return settings, settings(), settings(request_timeout=silence)


def eventually(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer of *what*; fail if there is none in time."""
    answer = in_time(what, seconds)
    assert answer, "it has not happened"
    return answer


def in_time(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer of *what*, or the last one, which is asked for when the time is over."""
    end = time.monotonic() + seconds
    is_over = False
    while not (answer := what()) and not is_over:
        time.sleep(0.02)
        is_over = time.monotonic() >= end
    return answer


def attempt(elector: LeaderElector) -> Claim | None:
    """Ask once; an outage is no claim."""
    try:
        return elector.acquire_leadership()
    except BackendUnavailableError:
        return None


def lead(elector: LeaderElector, seconds: float = PATIENCE) -> Claim:
    """Try until *elector* leads, whatever fails meanwhile."""
    claim = eventually(lambda: attempt(elector), seconds)
    assert claim is not None
    return claim


def handed_over(leader: LeaderElection, others: Iterable[LeaderElection], token: int = 0) -> bool:
    """
    Have *leader* step down; tell whether another leads, with a greater token than that.

    It may be elected again, for the others do not stand in line yet after an outage; or have lost its term just now.
    """
    with suppress(InvalidStateError):
        leader.relinquish()
    terms = [election.term for election in others if election.is_leader()]
    return any(term is not None and term.token > token for term in terms)


def goes_on(elections: Sequence[LeaderElection]) -> None:
    """Check that one of them leads soon, that it hands over to another with a greater token, and that to the next."""
    for _ in range(2):
        leader, term = eventually(lambda: next(((e, t) for e in elections if (t := e.term) and e.is_leader()), None))
        others = [election for election in elections if election is not leader]
        eventually(lambda a=leader, rest=others, token=term.token: handed_over(a, rest, token))


def side_by_side(acts: Mapping[str, Callable[[], object]]) -> None:
    """Do all at once, for most of each is waiting; fail for the first that failed, and name all of them."""
    with ThreadPoolExecutor(len(acts)) as pool:
        done = {name: pool.submit(act) for name, act in acts.items()}
    failed = {name: error for name, job in done.items() if (error := job.exception()) is not None}
    if failed:
        raise AssertionError(f"failed: {', '.join(failed)}") from next(iter(failed.values()))
