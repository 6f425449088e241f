"""Waiting with a deadline for what real servers and processes do by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from incumbent import BackendUnavailableError, Claim, LeaderElection, LeaderElector

T = TypeVar("T")

#: Seconds after which something that happens by itself has not happened.
PATIENCE = 60.0
#: The timeout, seconds, of requests that are answered: more than the busiest machine takes.
ANSWERED = 20.0


def eventually(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer of *what*; fail if there is none in time."""
    answer = in_time(what, seconds)
    assert answer, "it has not happened"
    return answer


def in_time(what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer of *what*, or the last one if there is none in time."""
    end = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < end:
        time.sleep(0.02)
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


def handed_over(leader: LeaderElection, others: Iterable[LeaderElection]) -> bool:
    """Have *leader* step down; it may be elected again, for the others do not stand in line yet after an outage."""
    if leader.is_leader():
        leader.relinquish()
    return any(election.is_leader() for election in others)
