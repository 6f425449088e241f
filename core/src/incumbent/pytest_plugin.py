"""Registers the conformance suite's marker and option, and the stage, which are imported only when asked for."""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .testing import Stage


@pytest.fixture
def incumbent_stage() -> Iterator[Stage]:
    """Elections of this process that are won, lost, cut off and handed over as the test wants, without waiting."""
    from .testing.stage import Stage  # noqa: PLC0415 - a run without it must not pay for it

    with Stage() as stage:
        yield stage


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--incumbent-elector`: the namespace is everybody's."""
    parser.getgroup("incumbent").addoption(
        "--incumbent-elector",
        metavar="URL",
        help="run the conformance suite against the elector of this URL, without a test file",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; aim the suite at the URL if one is given."""
    config.addinivalue_line("markers", "conformance: a test of incumbent's conformance suite")
    url = config.getoption("--incumbent-elector")
    if url is not None:
        from .testing.collecting import Conformance, aim  # noqa: PLC0415 - a run without it must not pay for it
        from .testing.harness import harness_for  # noqa: PLC0415

        aim(config, Conformance(), lambda: harness_for(url))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Hand the collected tests to the suite, if one of the test files has imported it."""
    if "incumbent.testing.conformance" not in sys.modules:
        return
    from .testing.collecting import NAME, Conformance  # noqa: PLC0415

    if not config.pluginmanager.has_plugin(NAME):
        conformance = Conformance()
        config.pluginmanager.register(conformance, NAME)
        conformance.pytest_collection_modifyitems(config, items)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process soon, if an elector has left a call that hangs, which may keep Python from ending."""
    conformance = config.pluginmanager.get_plugin("incumbent-conformance")
    is_own = config.pluginmanager.has_plugin("terminalreporter") or hasattr(config, "workerinput")
    if is_own and conformance is not None and conformance.has_hung:
        from .testing.bounded import LAST  # noqa: PLC0415

        faulthandler.dump_traceback_later(LAST, exit=True, file=2)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a process of pytest-xdist has found, for the summary."""
    told = getattr(node, "workeroutput", {}).get("incumbent-conformance")
    if not told:
        return
    from .testing.collecting import NAME, Conformance  # noqa: PLC0415

    manager = node.config.pluginmanager
    if not manager.has_plugin(NAME):
        manager.register(Conformance(), NAME)
    manager.get_plugin(NAME).elsewhere.append(told)
