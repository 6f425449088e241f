"""The kinds of mistakes that authors make: the suite's tests for each, and two mistakes that nothing else finds."""

from __future__ import annotations

from dataclasses import dataclass

from broken_electors import Broken
from selected import run_only

from incumbent.testing import Outcome, run_conformance
from incumbent.testing.conformance import suite_tests

from . import ZOO
from .harness import ZooHarness


@dataclass(frozen=True)
class Kind:
    """One kind."""

    what: str
    #: The modules of the suite whose tests are for it.
    modules: tuple[str, ...]
    #: The names of two mistakes of the zoo, of which all other tests of the suite see nothing.
    shown_by: tuple[str, str]

    @property
    def tests(self) -> frozenset[str]:
        """The names of the tests that are for it."""
        known = suite_tests().items()
        return frozenset(name for name, test in known if test.__module__.rpartition(".")[2] in self.modules)


KINDS = (
    Kind("a guarantee that is not kept", ("deadline", "keeping"), ("CutsFractions", "CountsOnMonotonic")),
    Kind("answers from memory", ("freshness",), ("AcquiresFromMemory", "ShowsItself")),
    Kind("calls that take too long", ("bounds",), ("GreetsAndAsks", "HasATimeoutForEachRead")),
    Kind("late answers", ("lateness",), ("TakesAnAttemptForAClaim", "TakesAnAttemptForTheEnd")),
    Kind("two of one backend, or one id", ("sharing",), ("ChecksWhatItsBackendHolds", "TakesTheClaimOfItsBackend")),
    Kind("forked children", ("forking",), ("GuardsElectorsOnly", "TakesItsTurnFirst")),
    Kind("reading first and writing later", ("gaps",), ("WritesWhatItHolds", "CountsFirst")),
    Kind("names and ids", ("naming",), ("FoldsForms", "CutsIds")),
    Kind("news", ("push",), ("DoesNotCatchUp", "ClosingOneForgetsAll")),
    Kind("secrets", ("secrets",), ("LogsEncoded", "RefusesItsTokenAloud")),
    Kind("declarations", ("declarations",), ("UnknownIsTheLeader", "DiagnosisIsBlind")),
    Kind("records", ("observing",), ("CountsFromTheFirstTerm", "ListsWhoeverReads")),
)


def mistake_of(name: str) -> Broken:
    """Return the entry of the zoo with this name."""
    (entry,) = [broken for broken in ZOO if broken.name == name]
    return entry


def found_by(name: str) -> list[Outcome]:
    """
    Run the whole suite on a mistake, with the times that a correct elector needs, and return what fails because of it.

    That fails each time; what fails the first time only is the machine's, which may be busy.
    """
    harness = mistake_of(name).harness
    times = {
        time: max(getattr(harness, time), getattr(ZooHarness, time)) for time in ("ttl", "request_timeout", "slack")
    }
    whole = type("WholeHarness", (harness,), times)
    report = run_conformance(None, harness=lambda _: whole())
    return run_only(whole(), *(outcome.test for outcome in report.of("failed"))).of("failed")
