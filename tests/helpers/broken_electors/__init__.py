"""Electors with one fault each, and the tests of the suite that must see it; others may as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from model_elector import ModelBackend, ModelElector, ModelHarness
from selected import Only

from incumbent import Backend
from incumbent.testing import Harness, Outcome
from incumbent.testing.collecting import Conformance
from incumbent.testing.session import session
from incumbent.testing.suite import bounds, waiting


@dataclass(frozen=True)
class Broken:
    """One fault."""

    name: str
    #: What is wrong.
    fault: str
    harness: type[Harness]
    #: The tests that fail because of it, every time.
    caught_by: frozenset[str]


BROKEN: list[Broken] = []


def each_of(entries: Iterable[Broken], among: Iterable[Broken]) -> pytest.MarkDecorator:
    """
    Run a test on each of *entries*, which takes minutes; so on most of them only where all that is thorough is run.

    Always run are those of *among* that name a test which none before them does: each test is seen to fail.
    """
    seen: set[str] = set()
    marks = {}
    for entry in among:
        marks[entry.name] = [pytest.mark.thorough] if entry.caught_by <= seen else []
        seen |= entry.caught_by
    chosen = [pytest.param(entry, id=entry.name, marks=marks[entry.name]) for entry in entries]
    return pytest.mark.parametrize("broken", chosen)


#: Seconds that a busy machine may take: what passes for the fault's sake must not fail for the machine's.
SLACK = 3.0
#: Where only what must fail is run: each call that hangs, and all news that never come, cost this many seconds.
BRIEF = 0.4


def broken(*caught_by: str) -> Callable[[type], type]:
    """Enter an elector or a backend into the list."""

    def enter(faulty: type) -> type:
        if issubclass(faulty, ModelElector):
            model: type[Backend] = type("FaultyBackend", (ModelBackend,), {"elector_class": faulty})
        else:
            model = faulty
        made = type("FaultyHarness", (ModelHarness,), {"model": model, "slack": SLACK})
        fault = faulty.__doc__ or ""
        BROKEN.append(Broken(faulty.__name__, fault, made, frozenset(caught_by)))
        return faulty

    return enter


def failed(broken: Broken, *, of: Iterable[str], slack: float) -> list[Outcome]:
    """Run these tests of the suite on an elector with that fault, and return the outcomes of those that failed."""
    harness, outcomes = broken.harness(), []
    harness.slack = slack
    # What is late every time is so the first time: only who is to pass needs more, on a busy machine.
    with patch.object(bounds, "TRIES", 1), patch.object(waiting, "ATTEMPTS", 2):
        session(harness, Conformance(outcomes.append), Only(of))
    return [outcome for outcome in outcomes if outcome.result == "failed"]


from . import claims, declarations, faults, hand_over, hygiene, news, terms, testaments  # noqa: E402, F401 - they fill the list
