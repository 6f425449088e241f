"""Finds out that a harness has done nothing, when a test fails after it: else the elector would be blamed for it."""

from __future__ import annotations

import time
from collections.abc import Callable

from .candidate import Candidate
from .harness import Harness

__all__ = ["has_done_nothing", "is_not_held_back", "shown"]

#: Seconds until what a harness has done can be seen.
SOON = 1.0


def shown(harness: Harness, lock_id: str) -> str | None:
    """Return what the harness itself sees of the claim that there is, or None if it sees none, or nothing at all."""
    if "leader" not in harness.cannot:
        record = harness.leader(lock_id)
        return None if record.candidate is None else f"{record.candidate} leads, with token {record.token}"
    if "claims" not in harness.cannot:
        count = harness.claims(lock_id)
        return f"it counts {count} claims" if count else None
    return None


def has_done_nothing(harness: Harness, operation: str, lock_id: str, before: str | None) -> str | None:
    """Return, as a sentence, that *operation* has left what was there *before*; None if it has not."""
    end = time.monotonic() + SOON
    while before is not None and shown(harness, lock_id) == before:
        if time.monotonic() > end:
            return f"the harness's {operation}() has done nothing: {before}, as before"
        time.sleep(0.01)
    return None


def is_not_held_back(candidate: Callable[[str], Candidate], operation: str) -> str | None:
    """
    Return, as a sentence, that a store which *operation* has frozen or killed answers; None if it does not.

    Args:
        candidate: Makes a candidate with such a name, in an election that is fresh.
        operation: What the harness is said to have done.
    """
    try:
        first, second = (candidate(name) for name in ("first", "second"))
        # Who invents its answers in an outage would have both elected, or none.
        answers = first.acquire_leadership() is not None and second.acquire_leadership() is None
    except Exception:  # as it should be
        return None
    seen = "the store elects one, and refuses another"
    return f"the harness's {operation}() has done nothing: {seen}" if answers else None
