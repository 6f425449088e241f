"""The suite on a real clock and over a socket: a correct elector passes, and each mistake is caught by its tests."""

import pytest
from broken_electors import failed
from zoo import ZOO
from zoo.harness import ZooHarness

from incumbent.testing import ElectorConformance, run_conformance
from incumbent.testing.conformance import suite_tests

each = pytest.mark.parametrize("broken", [pytest.param(broken, id=broken.name) for broken in ZOO])


class TestZoo(ElectorConformance):
    """Every test of the suite, at the ttl that harnesses have by default."""

    harness = ZooHarness


@each
def test_mistake_is_caught_by_its_tests(broken):
    """Every test that an entry names fails for an elector with this mistake."""
    found = failed(broken, of=broken.caught_by, slack=broken.harness.slack)
    assert {outcome.test for outcome in found} == broken.caught_by, broken.fault


@pytest.mark.thorough
@each
def test_mistake_is_caught_by_its_tests_and_no_others(broken):
    """Of the whole suite, what fails for an elector with this mistake is what its entry names, and nothing else."""
    report = run_conformance(None, harness=broken.harness)
    found = {outcome.test: outcome.detail for outcome in report.of("failed")}
    assert found.keys() - broken.may_be_caught_by == broken.caught_by, (broken.fault, found)


def test_entries_name_tests_of_the_suite():
    """An entry names tests that must fail, or others that may, and has a name and a sentence of its own."""
    assert [broken.name for broken in ZOO if not broken.caught_by or broken.caught_by & broken.may_be_caught_by] == []
    assert frozenset().union(*(broken.caught_by | broken.may_be_caught_by for broken in ZOO)) <= suite_tests().keys()
    assert len({broken.name for broken in ZOO}) == len({broken.fault for broken in ZOO}) == len(ZOO)
