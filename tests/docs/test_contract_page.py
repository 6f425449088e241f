"""The contract's page lists the mistakes that the suite finds: each of its tests once, with what it cites."""

import re
from pathlib import Path

import pytest
from broken_electors import BROKEN
from zoo import ZOO

from incumbent import Backend, LeaderElector
from incumbent.testing.conformance import suite_tests

PAGE = (Path(__file__).parents[2] / "docs/contract.md").read_text()
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `(test_\w+)` \|$", PAGE, re.MULTILINE)
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_test_of_the_suite_is_listed_once():
    """Whoever searches the page for the name of a failed test finds the mistake."""
    assert sorted(test for _, _, test in ROWS) == sorted(suite_tests())


def test_every_row_cites_what_the_test_cites():
    """The promise, or the rule, is the one that the test's own docstring names."""
    cited = {test: cites for _, cites, test in ROWS}
    assert cited == {name: test.__doc__.partition(":")[0] for name, test in suite_tests().items()}


def test_every_mistake_was_made():
    """Behind each row is an elector that makes such a mistake, and is caught by that test."""
    caught = frozenset().union(*(broken.caught_by for broken in (*BROKEN, *ZOO)))
    assert {test for _, _, test in ROWS} <= caught


@pytest.mark.parametrize("method", sorted(vars(LeaderElector).keys() & SECTIONS.keys() | {"notify"}))
def test_every_method_has_its_mistakes(method):
    """A method's section says what it owes, and lists mistakes."""
    assert re.search(r"^\| mistake \| breaks \| found by \|$", SECTIONS[method], re.MULTILINE)


def test_every_method_has_a_section():
    """What an elector must or may implement, and what a backend must, is told."""
    methods = {name for name, value in vars(LeaderElector).items() if callable(value) and not name.startswith("_")}
    assert methods == SECTIONS.keys() & methods
    of_backend = {name for name in vars(Backend) if not name.startswith("_")} - {"capabilities"}
    assert {name for name in of_backend if f"`{name}`" not in PAGE and f"Backend.{name}" not in PAGE} == set()


def test_every_rule_has_its_mistakes():
    """Each of the numbered rules, and each promise that an elector can break, is cited by a row."""
    rules = {f"Rule {number}" for number in re.findall(r"^(\d)\. \*\*", PAGE, re.MULTILINE)}
    assert rules == {"Rule 1", "Rule 2", "Rule 3", "Rule 4"}
    promises = {f"P{number}" for number in (1, 2, 4, 5, 7, 8, 9, 10, 11)}  # P3 and P6 are the engine's alone
    assert {part for _, cites, _ in ROWS for part in cites.split(", ")} == rules | promises | {"Contract"}


def test_page_of_tests_counts_the_suite():
    """What was tested is told with as many tests, and electors that have one fault each, as there are."""
    page = (Path(__file__).parents[2] / "docs/tested.md").read_text()
    told = re.findall(r"\| (\d+) tests, (\d+) broken electors \|", page)
    assert told == [(str(len(suite_tests())), str(len(BROKEN) + len(ZOO)))]
