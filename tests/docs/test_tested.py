"""The page of what was tested counts what there is."""

import re
from pathlib import Path

from broken_electors import BROKEN
from mutants import MUTANTS
from zoo import ZOO

from incumbent.testing.conformance import suite_tests

PAGE = (Path(__file__).parents[2] / "docs/tested.md").read_text()


def row(name):
    """Return the numbers of the row that begins with the link *name*."""
    (cell,) = re.findall(rf"^\| [^|]*\[{name}\][^|]*\| ([^|]*) \|", PAGE, re.MULTILINE)
    return [int(number) for number in re.findall(r"\d+", cell)]


def test_every_mutant_is_counted():
    """Its row says how many rules are broken."""
    assert row("single rules broken") == [len(MUTANTS)]


def test_every_test_of_the_suite_and_every_broken_elector_is_counted():
    """Its row says how many tests there are, and how many electors that each have one fault."""
    assert row("conformance suite") == [len(suite_tests()), len(BROKEN) + len(ZOO)]
