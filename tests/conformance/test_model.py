"""The suite has nothing to say against a correct elector; the broken ones are mutations of this one."""

from model_elector import ModelHarness

from incumbent.testing import ElectorConformance
from incumbent.testing.conformance import suite_tests
from incumbent.testing.requirements import why_not


class TestModel(ElectorConformance):
    """Every test of the suite: the model declares everything, and its store can do everything."""

    harness = ModelHarness


def test_no_test_is_left_out_on_the_model():
    """Each test of the suite is run on the model, so each can be shown to catch a fault."""
    harness = ModelHarness()
    tests = suite_tests()
    assert len(tests) > 90
    assert [name for name, test in tests.items() if why_not(test, harness) is not None] == []
