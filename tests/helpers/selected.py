"""Some tests of the suite alone, where running all of them would show no more."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from incumbent.testing import ConformanceReport, Harness
from incumbent.testing.collecting import Conformance
from incumbent.testing.session import session


class Only:
    """Leaves only these tests of the suite in a session."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if getattr(item, "originalname", "") in self._names]


def run_only(harness: Harness, *names: str) -> ConformanceReport:
    """Run the tests of the suite with these *names* on *harness*, in this process, and return what came of them."""
    return session(harness, Conformance(), Only(names)).report()
