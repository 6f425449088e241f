"""What came of one test of the suite: for people lines, for programs the shapes of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .journal import Event
from .sections import PAGE, anchor

__all__ = ["Outcome", "from_dict", "shortened"]

PASSED, FAILED, NOT_RUN, DEVIATES, NOT_SELECTED = "passed", "failed", "not run", "deviates", "not selected"


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

    def explanation(self) -> str:
        """Return, for people, what was expected, what was seen, and in which order things happened."""
        at = f"\nat:       {self.statement}" if self.statement else ""
        events = "".join(f"\n  {event.to_text()}" for event in shortened(self.journal))
        order = f"\nin order:{events}" if events else ""
        read = f"\nread:     docs/{self.read}"
        return f"{self.test}\nexpected: {self.cites}: {self.truth}\nseen:     {self.detail}{at}{order}{read}"

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
                "statement": self.statement,
                "journal": [vars(event) for event in self.journal],
                "read": self.read,
                "trace": self.trace,
            }
        return found


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
