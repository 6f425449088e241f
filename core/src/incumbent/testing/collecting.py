"""How pytest meets the suite: which tests are run for a harness, and what is told of those that are not."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from incumbent import ElectionError

from .bounded import HangError
from .conformance import ElectorConformance, suite_tests
from .explaining import explain
from .harness import Harness, made_by
from .outcome import NOT_SELECTED, Outcome, from_dict
from .report import ConformanceReport
from .runs import DOOR, RUN, SCENE, Run

__all__ = ["NAME", "Conformance", "aim"]

#: Under which the plugin of a session is registered with pytest.
NAME = "incumbent-conformance"
#: The test file for those who have none.
SHIPPED = Path(__file__).with_name("shipped.py")


class Conformance:
    """A pytest plugin that lives as long as one session in which the suite is used."""

    def __init__(self, progress: Callable[[Outcome], None] = lambda _: None) -> None:
        self.runs: list[Run] = []
        #: What each process of pytest-xdist has told of its runs.
        self.elsewhere: list[list[dict[str, Any]]] = []
        self._progress = progress
        self._places: dict[str, tuple[Run, str]] = {}

    @property
    def has_hung(self) -> bool:
        """Whether something is left that could not be closed."""
        return any(run.failure is not None and isinstance(run.failure.__cause__, HangError) for run in self.runs)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Take out the tests that cannot be run, and remember why; before `-k` and `-m` take out theirs."""
        items[:] = [item for item in items if self._is_run(item, config)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Explain a failure, in the report itself, which pytest-xdist may send to another process."""
        report = yield
        if report.failed and call.excinfo is not None and item.nodeid in self._places:
            run, _ = self._places[item.nodeid]
            explanation = explain(item, call.excinfo, report, run.authors)
            if call.when == "call" and (suspicion := item.stash[SCENE].suspicion()) is not None:
                explanation["seen"] = f"{suspicion}; {explanation['seen']}"
                explanation["code"] = ""
            vars(report)["explanation"] = explanation
            if item.config.getoption("tbstyle", None) == "auto":  # the summary tells the rest, and once
                report.longrepr = run.redacted()(explanation["seen"])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what came of a test."""
        if report.nodeid in self._places:
            run, test = self._places[report.nodeid]
            outcome = run.note(test, report)
            if outcome is not None and run.failure is None:  # else one message tells it, and no test
                self._progress(outcome)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was not run, and which tests of the suite were replaced, whatever the verbosity."""
        for run in self.runs:
            if run.failure is not None:
                terminalreporter.section("conformance")
                terminalreporter.write_line(f"ERROR: {run.failure}")
        for report in [run.report() for run in self.runs if run.failure is None] or merged(self.elsewhere):
            terminalreporter.section(f"conformance of {report.elector}")
            for failure in report.failures():
                terminalreporter.write_line(f"{failure}\n")
            terminalreporter.write_line(report.summary())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the process that pytest-xdist reports in what came of the tests in this one."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[NAME] = [
                {"elector": report.elector, "outcomes": [asdict(outcome) for outcome in report.outcomes]}
                for report in (run.report() for run in self.runs)
            ]

    def _is_run(self, item: pytest.Item, config: pytest.Config) -> bool:
        node, test = item.getparent(pytest.Class), getattr(item, "originalname", "")
        if node is None or not issubclass(node.obj, ElectorConformance) or test not in suite_tests():
            return True
        if RUN not in node.stash:
            node.stash[RUN] = _begin(node.obj, config)
            self.runs.append(node.stash[RUN])
        run = node.stash[RUN]
        self._places[item.nodeid] = run, test
        item.add_marker("conformance")
        return run.why_not(test) is None


def merged(elsewhere: list[list[dict[str, Any]]]) -> list[ConformanceReport]:
    """Return one report for each class, of what several processes told of their parts of the tests."""
    reports = []
    for parts in zip(*elsewhere, strict=False):  # each process has all classes, in the same order
        outcomes: dict[str, Outcome] = {}
        for told in (from_dict(outcome) for part in parts for outcome in part["outcomes"]):
            if told.test not in outcomes or told.result != NOT_SELECTED:
                outcomes[told.test] = told
        reports.append(ConformanceReport(parts[0]["elector"], tuple(outcomes.values())))
    return reports


def aim(config: pytest.Config, conformance: Conformance, harness: Callable[[], Harness]) -> None:
    """Run the shipped test class on what *harness* makes, after the paths that are named on the command line."""
    config.pluginmanager.register(conformance, NAME)
    config.stash[DOOR] = harness
    named = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args = [*named, str(SHIPPED)]


def _begin(cls: type[ElectorConformance], config: pytest.Config) -> Run:
    make = cls.harness or config.stash.get(DOOR, None)
    if make is None:
        raise pytest.UsageError(f"{cls.__name__} names no harness: harness = FooHarness")
    try:
        return Run(made_by(make), suite_tests(), cls.deviations)
    except ElectionError as error:
        raise pytest.UsageError(f"{cls.__name__}: {error}") from error
