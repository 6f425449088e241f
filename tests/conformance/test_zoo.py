"""The suite on a real clock and over a socket: a correct elector passes; its mistakes are in files of their own."""

import random

import pytest
from zoo import PARTS, ZOO
from zoo.harness import ZooHarness
from zoo.kinds import KINDS, found_by, mistake_of

from incumbent.testing import ElectorConformance
from incumbent.testing.conformance import suite_tests


class TestZoo(ElectorConformance):
    """Every test of the suite, at the ttl that harnesses have by default."""

    harness = ZooHarness


def test_every_test_of_the_suite_catches_a_mistake():
    """Each test of the suite can fail on a real clock, and does for a mistake that it is meant for."""
    assert suite_tests().keys() - frozenset().union(*(broken.caught_by for broken in ZOO)) == set()


def test_entries_name_tests_of_the_suite():
    """An entry names tests that must fail, and has a name and a sentence of its own."""
    assert [broken.name for broken in ZOO if not broken.caught_by] == []
    assert frozenset().union(*(broken.caught_by for broken in ZOO)) <= suite_tests().keys()
    assert len({broken.name for broken in ZOO}) == len({broken.fault for broken in ZOO}) == len(ZOO)


def test_every_mistake_is_in_a_part():
    """Each module of mistakes is run by one of the files beside this one."""
    parts = [f"zoo.{module}" for modules in PARTS.values() for module in modules]
    assert {broken.harness.which.__module__ for broken in ZOO} == set(parts)
    assert len(parts) == len(set(parts))


def test_two_mistakes_stand_for_each_kind():
    """Each kind has tests of the suite that are for no other, and two mistakes that only some of these must find."""
    tests = [test for kind in KINDS for test in kind.tests]
    assert len(tests) == len(set(tests))
    for kind in KINDS:
        assert len({mistake_of(name).fault for name in kind.shown_by}) == 2
        assert all(mistake_of(name).caught_by <= kind.tests for name in kind.shown_by), kind.what


@pytest.mark.thorough
def test_nothing_else_finds_what_stands_for_a_kind():
    """Of the whole suite only the tests of its kind find such a mistake: one of them all, whichever comes up."""
    kind = random.SystemRandom().choice(KINDS)
    name = random.SystemRandom().choice(kind.shown_by)
    failed = found_by(name)
    assert [outcome.to_text() for outcome in failed if outcome.test not in kind.tests] == [], name
    assert failed, name
