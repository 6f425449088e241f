"""The suite is tested: each of these electors has one fault, and is caught by the tests that are meant for it."""

import pytest
from broken_electors import BROKEN

from incumbent.testing import run_conformance
from incumbent.testing.conformance import suite_tests


@pytest.mark.parametrize("broken", [pytest.param(broken, id=broken.name) for broken in BROKEN])
def test_fault_is_caught_by_its_tests_and_no_others(broken):
    """What fails for an elector with this fault is what its entry names; everything else passes."""
    report = run_conformance(None, harness=broken.harness)

    assert {outcome.test: outcome.detail for outcome in report.of("failed")}.keys() == broken.caught_by, broken.fault
    assert report.exit_status == 1


def test_no_fault_slips_through():
    """Each fault is caught by a test of the suite at least, and has a name and a sentence of its own."""
    assert [broken.name for broken in BROKEN if not broken.caught_by] == []
    assert len({broken.name for broken in BROKEN}) == len({broken.fault for broken in BROKEN}) == len(BROKEN) > 100


def test_every_test_of_the_suite_is_needed():
    """Each test of the suite catches a fault of these: none of them is for show."""
    assert suite_tests().keys() - frozenset().union(*(broken.caught_by for broken in BROKEN)) == set()
