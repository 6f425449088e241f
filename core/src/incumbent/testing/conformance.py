"""The conformance suite as one class, and the refusal to let a test of it vanish quietly."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

import pytest

from .harness import Harness
from .runs import RUN
from .scene import Scene
from .suite.bounds import Bounds
from .suite.deadline import Deadline
from .suite.declarations import Declarations
from .suite.exclusion import Exclusion
from .suite.faults import Faults
from .suite.forking import Forking
from .suite.freshness import Freshness
from .suite.gaps import Gaps
from .suite.handover import HandOver
from .suite.hygiene import Hygiene
from .suite.keeping import Keeping
from .suite.lateness import Lateness
from .suite.listing import Listing
from .suite.naming import Naming
from .suite.observing import Observing
from .suite.processes import Processes
from .suite.push import Push
from .suite.renewal import Renewal
from .suite.restarts import Restarts
from .suite.secrets import Secrets
from .suite.sharing import Sharing
from .suite.testaments import Testaments
from .suite.tokens import Tokens
from .suite.waiting import Waiting

__all__ = ["ElectorConformance", "suite_tests"]


# pytest collects the tests of the last base first.
class ElectorConformance(
    Secrets,
    Hygiene,
    Forking,
    Processes,
    Restarts,
    Lateness,
    Bounds,
    Faults,
    Push,
    Listing,
    Observing,
    Waiting,
    Testaments,
    HandOver,
    Freshness,
    Renewal,
    Keeping,
    Deadline,
    Tokens,
    Gaps,
    Naming,
    Sharing,
    Exclusion,
    Declarations,
):
    """
    Every test of the suite. Inherit it, and name the harness.

    Tests of your own may be added. One of the suite's that is overridden, or removed with `= None`, needs
    an entry in `deviations`, whose reason shows in the report.

    Attributes:
        harness: Makes the harness: its class, or any callable without arguments.
        deviations: The suite's tests that this class replaces or removes, each with the reason.
    """

    harness: ClassVar[Callable[[], Harness] | None] = None
    deviations: ClassVar[Mapping[str, str]] = MappingProxyType({})

    #: Not collected itself, wherever it is imported.
    __test__ = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _refuse_quiet_changes(cls)
        cls.__test__ = True

    @pytest.fixture
    def scene(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
        """Set the scene of one test."""
        run = request.node.parent.stash[RUN]
        if hasattr(request.config, "workerinput"):  # pytest-xdist: its processes have this folder in common
            run.folder = tmp_path_factory.getbasetemp().parent
        with run.scene(request.node, request.node.originalname) as scene:
            yield scene


def suite_tests() -> dict[str, Callable[..., None]]:
    """Return the suite's tests by name, in the order in which they are run."""
    themes = reversed(ElectorConformance.__bases__)
    return {name: test for theme in themes for name, test in vars(theme).items() if name.startswith("test_")}


def _refuse_quiet_changes(cls: type[ElectorConformance]) -> None:
    """Check that *cls* gives a reason for each test of the suite that it changes, and for nothing else."""
    changed = {
        name
        for name in (*suite_tests(), "scene")
        if inspect.getattr_static(cls, name) is not inspect.getattr_static(ElectorConformance, name)
    }
    for name in sorted(changed - set(cls.deviations)):
        raise TypeError(
            f"{cls.__name__} changes {name} of the conformance suite; say why: deviations = {{{name!r}: 'the reason'}}"
        )
    for name, reason in cls.deviations.items():
        if name not in changed or name == "scene":
            raise TypeError(f"{cls.__name__}.deviations names {name!r}, which is no test of the suite that it changes")
        if not reason.strip():
            raise TypeError(f"{cls.__name__}.deviations[{name!r}] is empty: it must say why")
