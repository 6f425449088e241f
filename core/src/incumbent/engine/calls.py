"""Asks an elector, and turns whatever it answers, raises or gets wrong into one event for the machine."""

from __future__ import annotations

from math import isfinite, isnan

from incumbent.clock import Clock
from incumbent.elector import Claim, LeaderElector, LeaderRecord
from incumbent.errors import (
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    ElectionError,
    InvalidStateError,
)

from . import events as ev

__all__ = ["ask"]

LONGEST_TESTAMENT = 1000


def ask(elector: LeaderElector, verb: ev.Verb, clock: Clock, jitter: float) -> ev.Event:
    """Call *verb* of *elector*; never raises."""
    try:
        answer = getattr(elector, verb.value)()
        return _event(elector, verb, answer, clock)
    except InvalidStateError as error:
        return _nothing_held(verb, error)
    except (BackendRejectedError, ConfigurationError) as error:
        return ev.Failed(error, permanent=True, jitter=jitter)
    except ElectionError as error:
        return ev.Failed(error, jitter=jitter)
    except BaseException as error:
        # The message of a foreign exception may hold a secret; its type does not.
        wrapped = BackendUnavailableError(
            f"{_name(elector)}.{verb.value}() raised {type(error).__name__}: a fault of it"
        )
        wrapped.__cause__ = error
        return ev.Failed(wrapped, jitter=jitter)


def _nothing_held(verb: ev.Verb, error: InvalidStateError) -> ev.Event:
    if verb is ev.Verb.CHECK:
        return ev.Gone()
    if verb is ev.Verb.RELINQUISH:
        return ev.Relinquished()
    return ev.Failed(error, permanent=True)


def _event(elector: LeaderElector, verb: ev.Verb, answer: object, clock: Clock) -> ev.Event:
    if verb is ev.Verb.RELINQUISH:
        if isinstance(answer, bool):
            return ev.Relinquished()
    elif verb is ev.Verb.OBSERVE:
        if isinstance(answer, LeaderRecord):
            return ev.Observed(answer)
    elif answer is None:
        return ev.Refused() if verb is ev.Verb.ACQUIRE else ev.Gone()
    elif isinstance(answer, Claim) and _is_sane(answer, clock.now()):
        return ev.Granted(answer)
    raise BackendRejectedError(
        f"{_name(elector)}.{verb.value}() answered {str(answer)[:200]!r}, which breaks the contract"
    )


def _is_sane(claim: Claim, now: float) -> bool:
    """Tell whether *claim* can be true: an integer token, a request that was sent before now (P2)."""
    return (
        type(claim.token) is int
        and claim.token >= 0
        and not isnan(claim.guarantee)
        and claim.guarantee > 0
        and isfinite(claim.sent)
        and claim.sent <= now
        and _is_word(claim.testament)
    )


def _is_word(testament: object) -> bool:
    """Tell whether *testament* can be passed on as a word of a line; one that is left out can."""
    if not isinstance(testament, str) or len(testament) > LONGEST_TESTAMENT:
        return False
    return testament.isascii() and testament.isprintable() and " " not in testament


def _name(elector: LeaderElector) -> str:
    return type(elector).__qualname__
