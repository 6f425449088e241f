"""What a run of the suite found: for people a table, for programs JSON."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from incumbent import Capabilities, Finding, Support

from .journal import Event
from .sections import PAGE, anchor

__all__ = ["ConformanceReport", "Outcome", "Progress"]

PASSED, FAILED, NOT_RUN, DEVIATES, NOT_SELECTED = "passed", "failed", "not run", "deviates", "not selected"


@dataclass(frozen=True)
class Outcome:
    """What came of one test of the suite."""

    #: The name of the test.
    test: str
    #: The promises or rules that it checks: "P1, P2".
    cites: str
    #: The truth that it checks, one sentence: what was expected.
    truth: str
    #: "passed", "failed", "not run", "deviates" (replaced or removed, with a reason) or "not selected".
    result: str
    #: Why it was not run or deviates; what was seen if it failed.
    detail: str = ""
    #: How long it took.
    seconds: float = 0.0
    #: The section of the contract that tells of it, as a heading.
    section: str = ""
    #: The line of the suite at which it failed.
    statement: str = ""
    #: What happened in it, in order, if it failed.
    journal: tuple[Event, ...] = ()
    #: All that pytest says of the failure.
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


class Progress:
    """
    Hears how a run goes. Its methods are called one at a time, and must not raise.

    Any function that takes an `Outcome` serves as well: it is called when a test has ended.
    """

    def planned(self, tests: int) -> None:
        """Hear how many tests are to be run."""

    def started(self, test: str) -> None:
        """Hear that *test* has begun."""

    def __call__(self, outcome: Outcome) -> None:
        """Hear what came of a test."""

    def waiting(self) -> None:
        """Hear, about once a second, that the tests go on."""


@dataclass(frozen=True)
class ConformanceReport:
    """One run of the suite against one store."""

    #: The URL, without secrets.
    elector: str
    #: One for each test of the suite, in its order.
    outcomes: tuple[Outcome, ...]
    #: How long it took.
    seconds: float = 0.0
    #: When it began, seconds since the Unix epoch.
    began: float = field(default_factory=time.time)
    #: What was tested with what: of the elector's package, incumbent, Python, the platform.
    versions: Mapping[str, str] = field(default_factory=dict)
    #: What the elector declares.
    capabilities: Capabilities | None = None
    #: What the elector found out about its store.
    store: tuple[Finding, ...] = ()

    def of(self, result: str) -> list[Outcome]:
        """Return the outcomes with this *result*."""
        return [outcome for outcome in self.outcomes if outcome.result == result]

    @property
    def exit_status(self) -> int:
        """0 if nothing failed and something passed, else 1."""
        return 0 if self.of(PASSED) and not self.of(FAILED) else 1

    @property
    def counts(self) -> str:
        """How many passed, failed, and so on, in words."""
        counts = Counter(outcome.result for outcome in self.outcomes)
        found = [f"{counts[result]} {result}" for result in (PASSED, FAILED)]
        return ", ".join(
            [*found, *(f"{counts[other]} {other}" for other in (NOT_RUN, DEVIATES, NOT_SELECTED) if counts[other])]
        )

    def summary(self) -> str:
        """Return, for people, what did not simply pass, and the counts."""
        rest = [outcome.to_text() for result in (NOT_RUN, DEVIATES, FAILED) for outcome in self.of(result)]
        return "\n".join([*rest, f"{self.elector}: {self.counts}"])

    def to_text(self) -> str:
        """Return the table for people: each test, and the counts."""
        return "\n".join([*(outcome.to_text() for outcome in self.of(PASSED)), self.summary()])

    def to_markdown(self) -> str:
        """Return the report that an author publishes. What others wrote is escaped."""
        from .published import markdown  # noqa: PLC0415 - only who publishes pays for it

        return markdown(self)

    def to_json(self) -> str:
        """Return everything, for programs."""
        report: dict[str, Any] = {
            "elector": self.elector,
            "exit_status": self.exit_status,
            "began": utc(self.began),
            "seconds": round(self.seconds, 3),
            "counts": dict(Counter(outcome.result for outcome in self.outcomes)),
            "versions": dict(self.versions),
            "capabilities": None if self.capabilities is None else _declared(self.capabilities),
            "store": [{"level": finding.level, "text": finding.text} for finding in self.store],
            "tests": [outcome.to_dict() for outcome in self.outcomes],
        }
        return json.dumps(report, indent=2)


def utc(epoch: float) -> str:
    """Return *epoch* as `2026-03-29T01:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def _declared(capabilities: Capabilities) -> dict[str, Any]:
    """Return the declaration; a bound of the ttl that does not exist is null."""
    declared: dict[str, Any] = {
        "ttl_range": [bound if math.isfinite(bound) else None for bound in capabilities.ttl_range]
    }
    for capability in fields(capabilities):
        support = getattr(capabilities, capability.name)
        if isinstance(support, Support):
            declared[capability.name] = {"supported": support.supported, "detail": support.detail}
    return declared
