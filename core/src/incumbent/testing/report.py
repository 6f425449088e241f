"""What a run of the suite found: for people a table, for programs JSON."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from incumbent import Capabilities, Finding, Support

from .outcome import DEVIATES, FAILED, NOT_RUN, NOT_SELECTED, PASSED, Outcome, alike, names

__all__ = ["ConformanceReport", "Progress"]

#: Lines of a summary that may say the same.
MOST_LINES = 10


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
    """
    One run of the suite against one store.

    Attributes:
        elector: The URL, without secrets.
        outcomes: One for each test of the suite, in its order.
        seconds: How long it took.
        began: When it began, seconds since the Unix epoch.
        versions: What was tested with what: of the elector's package, incumbent, Python, the platform.
        capabilities: What the elector declares.
        store: What the elector found out about its store.
    """

    elector: str
    outcomes: tuple[Outcome, ...]
    seconds: float = 0.0
    began: float = field(default_factory=time.time)
    versions: Mapping[str, str] = field(default_factory=dict)
    capabilities: Capabilities | None = None
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
        rest = [
            line
            for result in (NOT_RUN, DEVIATES, FAILED)
            for group in alike(self.of(result))
            for line in _folded(group)
        ]
        return "\n".join([*rest, f"{self.elector}: {self.counts}"])

    def failures(self) -> list[str]:
        """Return, for people, the explanation of what failed; what failed for the same reason is told once."""
        return [first.explanation(others) for first, *others in alike(self.of(FAILED))]

    def to_text(self) -> str:
        """Return the table for people: each test, and the counts."""
        return "\n".join([*(outcome.to_text() for outcome in self.of(PASSED)), self.summary()])

    def to_markdown(self) -> str:
        """Return the report that an author publishes. What others wrote is escaped."""
        from .published import page  # noqa: PLC0415 - only who publishes pays for it

        verdict = "conforms" if self.exit_status == 0 else "does not conform"
        return page(
            self.elector,
            verdict=verdict,
            counts=self.counts,
            facts=self._facts(),
            outcomes=self.outcomes,
            capabilities=self.capabilities,
        )

    def to_json(self) -> str:
        """Return everything, for programs."""
        report: dict[str, Any] = {
            "elector": self.elector,
            "exit_status": self.exit_status,
            "began": _utc(self.began),
            "seconds": round(self.seconds, 3),
            "counts": dict(Counter(outcome.result for outcome in self.outcomes)),
            "versions": dict(self.versions),
            "capabilities": None if self.capabilities is None else _declared(self.capabilities),
            "store": [{"level": finding.level, "text": finding.text} for finding in self.store],
            "tests": [outcome.to_dict() for outcome in self.outcomes],
        }
        return json.dumps(report, indent=2)

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield from self.versions.items()
        for finding in self.store:
            yield "store" if finding.level == "ok" else f"store, {finding.level}", finding.text
        yield "date", _utc(self.began)
        yield "took", f"{self.seconds:.1f} s"


def _folded(group: list[Outcome]) -> list[str]:
    """Return a line for each of a *group* that is alike, or one for all of a large one."""
    if len(group) <= MOST_LINES:
        return [outcome.to_text() for outcome in group]
    return [f"{group[0].to_text()} (as well: {names(group[1:])})"]


def _utc(epoch: float) -> str:
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
