"""What a run of the suite found: for people a table, for programs JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

__all__ = ["ConformanceReport", "Outcome"]

PASSED, FAILED, NOT_RUN, DEVIATES, NOT_SELECTED = "passed", "failed", "not run", "deviates", "not selected"


@dataclass(frozen=True)
class Outcome:
    """What came of one test of the suite."""

    #: The name of the test.
    test: str
    #: The promises or rules that it checks: "P1, P2".
    cites: str
    #: The truth that it checks, one sentence.
    truth: str
    #: "passed", "failed", "not run", "deviates" (replaced or removed, with a reason) or "not selected".
    result: str
    #: Why it failed, was not run, or deviates.
    detail: str = ""
    #: How long it took.
    seconds: float = 0.0

    def to_text(self) -> str:
        """Return one line for people."""
        mark = {PASSED: "ok", FAILED: "FAILED"}.get(self.result, self.result)
        line = f"{mark:<13}{self.cites:<13}{self.test}"
        return line if self.result in {PASSED, NOT_SELECTED} else f"{line}: {self.detail}"


@dataclass(frozen=True)
class ConformanceReport:
    """One run of the suite against one store."""

    #: The URL, without secrets.
    elector: str
    #: One for each test of the suite, in its order.
    outcomes: tuple[Outcome, ...]
    #: How long it took.
    seconds: float = 0.0

    def of(self, result: str) -> list[Outcome]:
        """Return the outcomes with this *result*."""
        return [outcome for outcome in self.outcomes if outcome.result == result]

    @property
    def exit_status(self) -> int:
        """0 if nothing failed and something passed, else 1."""
        return 0 if self.of(PASSED) and not self.of(FAILED) else 1

    def summary(self) -> str:
        """Return, for people, what did not simply pass, and the counts."""
        rest = [outcome.to_text() for result in (NOT_RUN, DEVIATES, FAILED) for outcome in self.of(result)]
        counts = Counter(outcome.result for outcome in self.outcomes)
        found = ", ".join(f"{counts[result]} {result}" for result in (PASSED, FAILED))
        others = [f"{counts[result]} {result}" for result in (NOT_RUN, DEVIATES, NOT_SELECTED) if counts[result]]
        return "\n".join([*rest, f"{self.elector}: " + ", ".join([found, *others])])

    def to_text(self) -> str:
        """Return the table for people: each test, and the counts."""
        return "\n".join([*(outcome.to_text() for outcome in self.of(PASSED)), self.summary()])

    def to_json(self) -> str:
        """Return everything, for programs."""
        report: dict[str, Any] = {
            "elector": self.elector,
            "exit_status": self.exit_status,
            "seconds": round(self.seconds, 3),
            "counts": dict(Counter(outcome.result for outcome in self.outcomes)),
            "tests": [
                {
                    "test": outcome.test,
                    "cites": outcome.cites.split(", "),
                    "truth": outcome.truth,
                    "result": outcome.result,
                    "detail": outcome.detail,
                    "seconds": round(outcome.seconds, 3),
                }
                for outcome in self.outcomes
            ],
        }
        return json.dumps(report, indent=2)
