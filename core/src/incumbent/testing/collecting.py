"""How pytest meets the suite: which tests are run for a harness, and what is told of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from incumbent import ConfigurationError

from .conformance import ElectorConformance, suite_tests
from .harness import Harness
from .report import Outcome
from .runs import DOOR, RUN, Run

__all__ = ["NAME", "Conformance", "aim"]

#: Under which the plugin of a session is registered with pytest.
NAME = "incumbent-conformance"
#: The test file for those who have none.
SHIPPED = Path(__file__).with_name("shipped.py")


class Conformance:
    """A pytest plugin that lives as long as one session in which the suite is used."""

    def __init__(self, progress: Callable[[Outcome], None] = lambda _: None) -> None:
        self.runs: list[Run] = []
        self._progress = progress
        self._places: dict[str, tuple[Run, str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Take out the tests that cannot be run, and remember why; before `-k` and `-m` take out theirs."""
        items[:] = [item for item in items if self._is_run(item, config)]

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
            report = run.report()
            terminalreporter.section(f"conformance of {report.elector}")
            terminalreporter.write_line(report.summary())

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
        reason = run.why_not(test)
        if reason is not None and hasattr(config, "workerinput"):  # pytest-xdist: our summary would not be shown
            item.add_marker(pytest.mark.skip(reason=reason))
            return True
        return reason is None


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
        return Run(make(), suite_tests(), cls.deviations)
    except ConfigurationError as error:
        raise pytest.UsageError(f"{cls.__name__}: {error}") from error
