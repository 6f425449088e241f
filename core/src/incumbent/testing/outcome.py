"""What came of one test of the suite: for people lines, for programs the shapes of JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .journal import Event
from .sections import PAGE, anchor

__all__ = ["Outcome", "alike", "from_dict", "names", "shortened"]

PASSED, FAILED, NOT_RUN, DEVIATES, NOT_SELECTED = "passed", "failed", "not run", "deviates", "not selected"
#: Tests with the same reason that are named; of more, their number is told.
MOST_NAMED = 3

_RAISED = re.compile(r"(\w+): ")


@dataclass(frozen=True)
class Outcome:
    """
    What came of one test of the suite.

    Attributes:
        test: The name of the test.
        cites: The promises or rules that it checks: "P1, P2".
        truth: The truth that it checks, one sentence: what was expected.
        result: "passed", "failed", "not run", "deviates" (replaced or removed, with a reason) or "not selected".
        detail: Why it was not run or deviates; what was seen if it failed.
        seconds: How long it took.
        section: The section of the contract that tells of it, as a heading.
        code: The line of the author's own code at which it failed, or the method whose answer was wrong, if known.
        statement: The line of the suite at which it failed.
        journal: What happened in it, in order, if it failed.
        trace: All that pytest says of the failure.
    """

    test: str
    cites: str
    truth: str
    result: str
    detail: str = ""
    seconds: float = 0.0
    section: str = ""
    code: str = ""
    statement: str = ""
    journal: tuple[Event, ...] = ()
    trace: str = ""

    def to_text(self) -> str:
        """Return one line for people."""
        mark = {PASSED: "ok", FAILED: "FAILED"}.get(self.result, self.result)
        line = f"{mark:<13}{self.cites:<13}{self.test}"
        return line if self.result in {PASSED, NOT_SELECTED} else f"{line}: {self.detail}"

    @property
    def read(self) -> str:
        """Which page of the documentation to read, and the section of it: `contract.md#…`."""
        return f"{PAGE}#{anchor(self.section)}" if self.section else PAGE

    def explanation(self, alike: Sequence[Outcome] = ()) -> str:
        """Return, for people, what was expected and seen, in which order things happened, and who failed *alike*."""
        code = f"\ncode:     {self.code}" if self.code else ""
        at = f"\nat:       {self.statement}" if self.statement else ""
        events = "".join(f"\n  {event.to_text()}" for event in shortened(self.journal))
        order = f"\nin order:{events}" if events else ""
        also = f"\nas well:  {names(alike)}" if alike else ""
        read = f"\nread:     docs/{self.read}"
        return (
            f"{self.test}\nexpected: {self.cites}: {self.truth}\nseen:     {self.detail}{code}{at}{order}{also}{read}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything, in the shapes of JSON."""
        found: dict[str, Any] = {
            "test": self.test,
            "cites": self.cites.split(", "),
            "truth": self.truth,
            "result": self.result,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }
        if self.result == FAILED:
            found["explanation"] = {
                "expected": self.truth,
                "seen": self.detail,
                "code": self.code,
                "statement": self.statement,
                "journal": [vars(event) for event in self.journal],
                "read": self.read,
                "trace": self.trace,
            }
        return found


def alike(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Return *outcomes* in groups: one mistake may be the reason of many, and is told once."""
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in outcomes:
        # Errors that were raised at one line are the same, whatever value is in their messages.
        raised = _RAISED.match(outcome.detail) if outcome.code else None
        key = (outcome.result, outcome.code, raised[1] if raised else outcome.detail)
        groups.setdefault(key, []).append(outcome)
    return list(groups.values())


def names(outcomes: Sequence[Outcome]) -> str:
    """Return the names of a few tests, and how many more there are."""
    named = ", ".join(outcome.test for outcome in outcomes[:MOST_NAMED])
    more = len(outcomes) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named


def from_dict(taken: Mapping[str, Any]) -> Outcome:
    """Return the outcome that `dataclasses.asdict` has taken apart, in another process."""
    return Outcome(**{**taken, "journal": tuple(Event(**event) for event in taken["journal"])})


#: Events that people are shown of a failed test; JSON has all.
SHOWN_EVENTS = 30


def shortened(journal: tuple[Event, ...]) -> tuple[Event, ...]:
    """Return the first events of *journal* and the last ones, which say most."""
    left_out = len(journal) - SHOWN_EVENTS
    if left_out <= 0:
        return journal
    gap = Event(journal[5].at, "…", f"{left_out + 1} more")
    return (*journal[:5], gap, *journal[left_out + 6 :])
