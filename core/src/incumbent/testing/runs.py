"""One run of the suite: its harness from opening to closing, and what came of each test."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from incumbent import (
    Address,
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    ElectionError,
    Finding,
    one_line,
)

from .authors import Authors
from .bounded import HARNESS_LIMIT, HangError, bounded
from .explaining import JOURNAL, seen
from .facts import Redacted, versions
from .harness import Harness
from .journal import Event
from .outcome import DEVIATES, FAILED, NOT_RUN, NOT_SELECTED, PASSED, Outcome
from .report import ConformanceReport
from .requirements import validate, why_not
from .scene import Scene
from .sections import section_of
from .turns import is_alone, turn

__all__ = ["DOOR", "RUN", "SCENE", "Run"]

#: Characters of a reason that are shown.
LONGEST = 500

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
        self._tests = tests
        #: Who wrote what is tested.
        self.authors = Authors(type(harness), harness.backend_class())
        self._began = time.time(), time.monotonic()
        self._waited: dict[str, float] = {}
        #: Where the processes that share the tests meet, if there are several.
        self.folder: Path | None = None
        #: What the elector found out about its store, when the first test has begun.
        self.store: tuple[Finding, ...] = ()
        self._outcomes = {name: _outcome(name, test, harness, deviations.get(name)) for name, test in tests.items()}
        self._open = False
        #: Why no more tests can be run: the store cannot be reached, or the elector does not let go of it.
        self.failure: ElectionError | None = None

    def why_not(self, test: str) -> str | None:
        """Return why *test* is not run, or None if it is."""
        outcome = self._outcomes[test]
        return outcome.detail if outcome.result == NOT_RUN else None

    def opened(self, item: pytest.Item) -> Harness:
        """Return the harness; open it for the first test, and close it after the last one of the class of *item*."""
        if self.failure is not None:
            pytest.skip(str(self.failure))
        if not self._open:
            self._open = True
            parent = item.getparent(pytest.Class)
            assert parent is not None
            parent.addfinalizer(self._close)
            try:
                self._harness.open()
                self._check_url()
                if DOOR in item.config.stash:
                    self.store = _probe(self._harness)
            except (Exception, SystemExit) as error:
                failure = self._end(item, error, f"the harness {type(self._harness).__name__} cannot open")
                if failure is error:
                    raise
                raise failure from error
        return self._harness

    def _end(self, item: pytest.Item, error: Exception | SystemExit, what: str) -> ElectionError:
        """Run no more tests; return what is told of it, once, instead of what comes of each."""
        if isinstance(error, HangError):
            what = "the suite cannot go on"
        if isinstance(error, ElectionError):
            self.failure = error
        else:
            line = self.authors.line_of(error)
            text = one_line(str(error)) or type(error).__name__
            self.failure = ConfigurationError(self.redacted()(f"{what}: {text}" + (f" ({line})" if line else "")))
        if DOOR in item.config.stash:
            item.session.shouldstop = str(self.failure)
        return self.failure

    @contextmanager
    def scene(self, item: pytest.Item, test: str) -> Iterator[Scene]:
        """Set the scene of one test, when it is its turn on the store."""
        harness = self.opened(item)
        began = time.monotonic()
        # A test of one's own may do anything to the store.
        alone = test not in self._tests or is_alone(self._tests[test])
        with turn(self.folder, harness.url, alone=alone):
            self._waited[test] = time.monotonic() - began
            scene = Scene(harness)
            item.stash[JOURNAL] = scene.journal
            item.stash[SCENE] = scene
            yield scene
            try:
                scene.close()
            except HangError as error:  # each test would take as long, and leave as much behind
                raise self._end(item, error, "") from error

    def note(self, test: str, report: pytest.TestReport) -> Outcome | None:
        """Keep what *report* says of *test*; return the outcome when it is known for good."""
        outcome = self._outcomes[test]
        clean = self.redacted()
        if report.failed:
            outcome = replace(outcome, result=FAILED, **_explained(report, clean))
        elif report.skipped:
            outcome = replace(outcome, result=NOT_RUN, detail=clean(seen(report).removeprefix("Skipped: ")))
        elif report.when == "call" and outcome.result == NOT_SELECTED:
            outcome = replace(outcome, result=PASSED)
        seconds = outcome.seconds + report.duration - self._waited.pop(test, 0.0)
        self._outcomes[test] = outcome = replace(outcome, seconds=seconds)
        return outcome if report.when == "teardown" else None

    def keep(self, outcome: Outcome) -> None:
        """Keep what came of a test in another process, unless that has not run it."""
        if outcome.result != NOT_SELECTED:
            self._outcomes[outcome.test] = outcome

    def fail(self, test: str, why: str) -> Outcome:
        """Blame *test*, whose process has ended, and return its outcome."""
        self._outcomes[test] = outcome = replace(self._outcomes[test], result=FAILED, detail=why)
        return outcome

    def report(self) -> ConformanceReport:
        """Return what is known by now."""
        began, since = self._began
        clean = self.redacted()
        return ConformanceReport(
            elector=clean.url,
            # Reasons that the author has written, who may have put the URL into them.
            outcomes=tuple(replace(outcome, detail=clean(outcome.detail)) for outcome in self._outcomes.values()),
            seconds=time.monotonic() - since,
            began=began,
            versions=versions(self._harness.scheme, self._harness.backend_class()),
            capabilities=self._harness.backend_class().capabilities,
            store=self.store,
        )

    def _check_url(self) -> None:
        url: object = getattr(self._harness, "url", None)
        if url is None:
            raise ConfigurationError(f"{type(self._harness).__name__}.open() must set url, for none was given")
        Address.parse(self._harness.url)

    def redacted(self) -> Redacted:
        """Return what takes the secrets out of texts; of a harness that could not open, none are known."""
        try:
            return Redacted(getattr(self._harness, "url", self._harness.scheme))
        except ConfigurationError:
            return Redacted(self._harness.scheme)

    def _close(self) -> None:
        with turn(self.folder, getattr(self._harness, "url", ""), alone=True):  # it may clear the store up
            self._harness.close()


#: On the config: makes the harness for the class that names none, behind the doors that need no test file.
DOOR = pytest.StashKey[Callable[[], Harness]]()
#: On the item of a test that is run.
SCENE = pytest.StashKey[Scene]()
#: On the node of a test class.
RUN = pytest.StashKey[Run]()


def _outcome(name: str, test: Test, harness: Harness, deviation: str | None) -> Outcome:
    """Return what is known of *test* before anything has been run."""
    cites, _, truth = (test.__doc__ or "").strip().partition(": ")
    known = Outcome(name, cites, truth, NOT_SELECTED, section=section_of(test))
    if deviation is not None:
        return replace(known, result=DEVIATES, detail=one_line(deviation, longest=LONGEST))
    reason = why_not(test, harness)
    return known if reason is None else replace(known, result=NOT_RUN, detail=one_line(reason, longest=LONGEST))


def _probe(harness: Harness) -> tuple[Finding, ...]:
    """
    Ask the store once, so that one that cannot be reached is one message, and not a failure of each test.

    Return what the elector finds out about it.
    """
    scene = Scene(harness)
    try:
        candidate = scene.candidate("probe")
        candidate.acquire_leadership()
        found = bounded(HARNESS_LIMIT, lambda: tuple(candidate.backend.diagnose()), "diagnose()")
        clean = Redacted(harness.url)
        return tuple(
            replace(finding, text=clean(finding.text), remedy=clean(finding.remedy))
            for finding in found
            if isinstance(finding, Finding)
        )
    except (ConfigurationError, BackendUnavailableError, BackendRejectedError, HangError):
        raise
    except Exception:  # a fault of the elector: which one, the tests say
        _log.debug("the first attempt failed", exc_info=True)
        return ()
    finally:
        scene.close()


def _explained(report: pytest.TestReport, clean: Redacted) -> dict[str, Any]:
    """Return what an outcome says of a failure."""
    told = getattr(report, "explanation", None) or {"seen": seen(report)}
    return {
        "detail": clean(told["seen"]),
        "code": told.get("code", ""),
        "statement": told.get("statement", ""),
        "journal": tuple(Event(**{**event, "came": clean(event["came"])}) for event in told.get("journal", ())),
        "trace": clean(told.get("trace", "")),
    }
