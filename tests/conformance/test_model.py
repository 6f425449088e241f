"""The suite has nothing to say against a correct elector; the broken ones are mutations of this one."""

import threading
import time

import pytest
from model_elector import ModelBackend, ModelElector, ModelHarness

from incumbent.testing import ElectorConformance, run_conformance
from incumbent.testing.conformance import suite_tests
from incumbent.testing.requirements import why_not


class TestModel(ElectorConformance):
    """Every test of the suite but those of a network: the model declares everything, and its store can do the rest."""

    harness = ModelHarness


def test_no_test_is_left_out_on_the_model():
    """Each test of the suite is run on the model, but for those of a network, which are run in the zoo."""
    harness = ModelHarness()
    tests = suite_tests()
    assert len(tests) > 90
    reasons = {name: why_not(test, harness) for name, test in tests.items()}
    assert set(reasons.values()) == {None, "the harness cannot relay: nothing goes over a network"}


class WatchedElector(ModelElector):
    """Has a thread, as a watch does, that reads the clock at the worst moment: just before the call does."""

    def check_leadership(self):
        self.held()
        thread = threading.Thread(target=self.clock)
        thread.start()
        time.sleep(0.02)
        claim = super().check_leadership()
        thread.join()
        return claim


class WatchedBackend(ModelBackend):
    elector_class = WatchedElector


class SlowToFreeze(ModelHarness):
    """A store that is not frozen at once: several processes have to be stopped, for example."""

    model = WatchedBackend

    def freeze(self):
        time.sleep(0.1)
        super().freeze()


@pytest.mark.thorough
def test_clock_may_be_read_by_other_threads():
    """An elector whose watch reads the clock while a call does so conforms as well."""
    report = run_conformance(None, harness=lambda _: SlowToFreeze())
    assert [outcome.detail for outcome in report.of("failed")] == []


class CountsNothing(ModelHarness):
    """Would find no leak in any elector."""

    def claims(self, lock_id):
        return 0


@pytest.mark.thorough
def test_harness_that_counts_nothing_is_found():
    """The leader's claim is one at least: a harness that does not see it cannot see what is left behind either."""
    report = run_conformance(None, harness=lambda _: CountsNothing())
    assert {outcome.test for outcome in report.of("failed")} == {
        "test_attempts_do_not_pile_up",
        "test_closing_leaves_nothing_in_the_store",
    }
