"""One run of the suite: its harness from opening to closing, and what came of each test."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from incumbent import Address, BackendRejectedError, BackendUnavailableError, ConfigurationError

from .harness import Harness
from .report import DEVIATES, FAILED, NOT_RUN, NOT_SELECTED, PASSED, ConformanceReport, Outcome
from .requirements import validate, why_not
from .scene import Scene

__all__ = ["DOOR", "RUN", "Run"]

_log = logging.getLogger("incumbent.testing")

Test = Callable[..., None]


class Run:
    """
    The tests of one class, on one harness.

    Raises:
        ConfigurationError: The harness does not say what it cannot do, or its elector cannot be loaded.
    """

    def __init__(self, harness: Harness, tests: Mapping[str, Test], deviations: Mapping[str, str]) -> None:
        validate(harness)
        self._harness = harness
        self._deviations = deviations
        self._outcomes = {name: _outcome(name, test, harness, deviations.get(name)) for name, test in tests.items()}
        self._open = False
        #: Why the store could not be reached, when it could not.
        self.failure: Exception | None = None

    def why_not(self, test: str) -> str | None:
        """Return why *test* is not run, or None if it is."""
        outcome = self._outcomes[test]
        return outcome.detail if outcome.result == NOT_RUN else None

    def opened(self, item: pytest.Item) -> Harness:
        """Return the harness; open it for the first test, and close it after the last one of the class of *item*."""
        if self.failure is not None:
            raise self.failure
        if not self._open:
            self._open = True
            parent = item.getparent(pytest.Class)
            assert parent is not None
            parent.addfinalizer(self._harness.close)
            try:
                self._harness.open()
                if DOOR in item.config.stash:
                    _probe(self._harness)
            except Exception as error:
                self.failure = error
                if DOOR in item.config.stash:
                    item.session.shouldstop = f"{type(error).__name__}: {error}"
                raise
        return self._harness

    def note(self, test: str, report: pytest.TestReport) -> Outcome | None:
        """Keep what *report* says of *test*; return the outcome when it is known for good."""
        outcome = self._outcomes[test]
        if report.failed:
            outcome = replace(outcome, result=FAILED, detail=_first_line(report))
        elif report.skipped:
            outcome = replace(outcome, result=NOT_RUN, detail=_first_line(report))
        elif report.when == "call" and outcome.result == NOT_SELECTED:
            outcome = replace(outcome, result=PASSED)
        self._outcomes[test] = outcome = replace(outcome, seconds=outcome.seconds + report.duration)
        return outcome if report.when == "teardown" else None

    def report(self) -> ConformanceReport:
        """Return what is known by now."""
        url = getattr(self._harness, "url", self._harness.scheme)
        outcomes = tuple(self._outcomes.values())
        return ConformanceReport(str(Address.parse(url)), outcomes, sum(outcome.seconds for outcome in outcomes))


#: On the config: makes the harness for the class that names none, behind the doors that need no test file.
DOOR = pytest.StashKey[Callable[[], Harness]]()
#: On the node of a test class.
RUN = pytest.StashKey[Run]()


def _outcome(name: str, test: Test, harness: Harness, deviation: str | None) -> Outcome:
    """Return what is known of *test* before anything has been run."""
    cites, _, truth = (test.__doc__ or "").strip().partition(": ")
    known = Outcome(name, cites, truth, NOT_SELECTED)
    if deviation is not None:
        return replace(known, result=DEVIATES, detail=deviation)
    reason = why_not(test, harness)
    return known if reason is None else replace(known, result=NOT_RUN, detail=reason)


def _probe(harness: Harness) -> None:
    """Ask the store once, so that one that cannot be reached is one message, and not a failure of each test."""
    scene = Scene(harness)
    try:
        scene.candidate("probe").acquire_leadership()
    except (ConfigurationError, BackendUnavailableError, BackendRejectedError):
        raise
    except Exception:  # a fault of the elector: which one, the tests say
        _log.debug("the first attempt failed", exc_info=True)
    finally:
        scene.close()


def _first_line(report: pytest.TestReport) -> str:
    """Return the first line of why a test failed or was skipped."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        text: str = crash.message
    elif isinstance(report.longrepr, tuple):
        text = report.longrepr[2]
    else:
        text = report.longreprtext
    return text.partition("\n")[0][:300]
