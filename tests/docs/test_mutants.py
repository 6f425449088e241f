"""The page of mutants tells of the mutants that there are, and each can still be applied."""

import re

import mutants
import pytest


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.what)
def test_mutant_can_be_applied(mutant):
    """What it replaces occurs once: else nobody would notice that it sabotages nothing any more."""
    assert (mutants.ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.finders
    assert set(mutant.finders) <= set(mutants.FINDERS)


def test_page_tells_of_every_mutant_and_each_was_found():
    """The table is the script's own, of these mutants, and none went unnoticed."""
    table = mutants.PAGE.read_text().split(mutants.HEADING, 1)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:] if line]
    assert [row[0] for row in rows] == [mutant.what for mutant in mutants.MUTANTS]
    assert {row[2] for row in rows} <= set(mutants.FINDERS)


def test_there_are_enough():
    """More than twenty rules, of the engine and of each elector."""
    assert len(mutants.MUTANTS) >= 30


def test_page_of_tests_counts_them():
    """What was tested is told with as many mutants as there are."""
    page = mutants.PAGE.with_name("tested.md").read_text()
    assert re.findall(r"\(`nox -s mutants`\) \| (\d+) \|", page) == [str(len(mutants.MUTANTS))]
