"""Asks an election for a hand-over or a pause, as an operator does: the request is a term in `NAME.control`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .address import Address
from .config import LeaderElectionConfig
from .elector import LeaderElector, LeaderRecord
from .engine.steering import COME, HAND_OVER, PAUSE, Request, check_id, control_name
from .errors import BackendUnavailableError
from .observer import look, observing

if TYPE_CHECKING:
    from .election import LeaderElection

__all__ = ["Outcome", "Result", "hand_over", "paused"]

#: Seconds between two looks at what has come of it, where the store does not tell.
LOOK = 0.25
#: For how long who is no candidate, or leads nothing, is looked for, seconds.
RETURN = 2.0


class Result(Enum):
    """
    What has come of a request.

    Attributes:
        DONE: The leader has handed over, to whom it was asked to.
        ANOTHER: It has, and another candidate leads.
        REFUSED: There was nothing to ask for.
        LATE: It was not done in time.
    """

    DONE = "done"
    ANOTHER = "another"
    REFUSED = "refused"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What has come of a request, and who leads.

    Attributes:
        result: In a word.
        leader: Who leads now; None if nobody does.
        token: The token of that term.
        seconds: From the request to the new term; 0.0 if there is none.
        problem: Why it was not done; None if the leader has handed over.
    """

    result: Result
    leader: str | None
    token: int | None
    seconds: float = 0.0
    problem: str | None = None


def hand_over(
    elector: str | Address,
    name: str | int,
    *,
    to: str | None = None,
    timeout: float = 30.0,
    ttl: float = 15.0,
    request_timeout: float = 2.0,
) -> Outcome:
    """
    Ask the present leader to hand over, and wait for what comes of it. The request ends with this call.

    Args:
        elector: A URL, or the bare name of an elector.
        name: The election's lock id.
        to: Who is to lead next; None for anybody.
        timeout: Seconds to wait at most.
        ttl: For how long the request lasts if this process dies, seconds.
        request_timeout: Seconds that a request to the backend may take.

    Raises:
        ConfigurationError: The URL, the name or the id is wrong.
        BackendUnavailableError: Nothing is known.
        BackendRejectedError: The backend refuses for good.
        InvalidStateError: This elector cannot observe; says why.
    """
    if to is not None:
        check_id(to)
    end = time.monotonic() + timeout
    with observing(elector, name, request_timeout) as (_, observer):
        changed = threading.Event()
        observer.notify = changed.set
        before = look(observer)
        # Who has just stood aside for another is about to come back.
        patience = min(end, time.monotonic() + RETURN)
        with ExitStack() as calling:
            if to is not None and before.candidates is not None and to not in before.candidates:
                # Who lets others go first stands in no queue, and comes into it when called.
                calling.enter_context(_asking(elector, observer.lock_id, Request(COME, to=to), ttl))
            while (problem := _why_not(before, to)) is not None and time.monotonic() < patience:
                if before.candidate is not None and before.candidate == to:
                    break  # that is what was wanted
                changed.wait(LOOK)
                before = look(observer)
        if problem is not None or before.token is None:
            return Outcome(Result.REFUSED, before.candidate, before.token, problem=problem)
        with _asking(elector, observer.lock_id, Request(HAND_OVER, before.token, to), ttl) as asking:
            term = asking.wait_for_leadership(max(0.0, end - time.monotonic()))
            if term is None:
                problem = f"nobody could be asked within {timeout:g} s: {asking.situation}"
                return Outcome(Result.LATE, before.candidate, before.token, problem=problem)
            began = time.monotonic()
            after = _successor(observer, before, changed, end)
            if after.candidate is None or after.token == before.token:
                problem = _silent(before, after, to)
                return Outcome(Result.LATE, after.candidate, after.token, problem=problem)
            seconds = time.monotonic() - began
            result = Result.DONE if to in (None, after.candidate) else Result.ANOTHER
            return Outcome(result, after.candidate, after.token, seconds)


@contextmanager
def paused(elector: str | Address, name: str | int, *, ttl: float = 15.0) -> Iterator[None]:
    """
    Have nobody elected anew while the block runs. Who leads goes on leading.

    Args:
        elector: A URL, or the bare name of an elector.
        name: The election's lock id.
        ttl: For how long the pause lasts if this process dies, seconds.

    Raises:
        See `hand_over`.
    """
    config = LeaderElectionConfig(name)
    with _asking(elector, config.name, Request(PAUSE), ttl) as asking:
        asking.wait_for_leadership()
        yield


def _asking(elector: str | Address, name: str, request: Request, ttl: float) -> LeaderElection:
    from . import election  # noqa: PLC0415 - who only reads requests needs no engine

    config = LeaderElectionConfig(control_name(name), candidate=str(request), ttl=ttl, relinquish_interval=None)
    return election.LeaderElection(config, elector)


def _why_not(record: LeaderRecord, to: str | None) -> str | None:
    """Return why there is nothing to ask for."""
    if record.candidate is None:
        return "nobody leads"
    if to == record.candidate:
        return f"{to} leads already"
    if to is not None and record.candidates is not None and to not in record.candidates:
        return f"{to} is no candidate"
    return None


def _silent(before: LeaderRecord, after: LeaderRecord, to: str | None) -> str:
    if after.candidate is None:
        return f"{before.candidate} has handed over, and {to or 'nobody'} has not come"
    return (
        f"{before.candidate} still leads: its callbacks have not returned, or it heeds no requests "
        "('incumbent run' does; LeaderElectionConfig(steering=True))"
    )


def _successor(observer: LeaderElector, before: LeaderRecord, changed: threading.Event, end: float) -> LeaderRecord:
    """Wait until another term has begun, by *end* at the latest, and return what was seen last."""
    record = before
    while (left := end - time.monotonic()) > 0:
        changed.clear()
        try:
            record = look(observer)
        except BackendUnavailableError:
            changed.wait(min(left, LOOK))
            continue
        if record.candidate is not None and record.token != before.token:
            return record
        changed.wait(min(left, LOOK))
    return record
