"""The suite on a real clock and over a socket: a correct elector passes; its mistakes are in files of their own."""

from zoo import PARTS, ZOO
from zoo.harness import ZooHarness

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
