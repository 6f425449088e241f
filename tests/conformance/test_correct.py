"""No false alarm: correct electors on stores that are slow, or take few characters, pass the suite."""

from dataclasses import replace

import pytest
from model_elector import ModelHarness
from selected import run_only
from zoo.dns import DnsHarness
from zoo.elector import ZooElector
from zoo.harness import ZooHarness

from incumbent import ConfigurationError
from incumbent.testing import run_conformance
from incumbent.testing.conformance import suite_tests
from incumbent.testing.requirements import validate
from incumbent.testing.scene import Scene


class SlowHarness(ZooHarness):
    """Each answer takes 150 ms."""

    delay = 0.15


def failures(report):
    return [outcome.to_text() for outcome in report.of("failed")]


def test_names_as_in_dns_can_be_tested():
    """The suite's own names have none but the characters that a harness names; what is refused is kept apart."""
    report = run_only(
        DnsHarness(),
        *("test_elections_are_independent", "test_name_and_id_do_not_run_into_each_other"),
        *("test_id_is_shown_as_it_was_given", "test_neighbouring_election_is_not_shown", "test_each_listener_is_told"),
        *("test_one_of_many_succeeds_an_expired_leader", "test_killed_follower_does_not_stand_in_the_way"),
        *("test_forked_child_is_refused", "test_closing_leaves_no_thread", "test_no_answer_shows_the_password"),
    )
    assert failures(report) == []
    assert len(report.of("passed")) == 10


class ReadsWhatItClaimed(ZooElector):
    """Claims in one request, and renews in another, from which it counts."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and self.check_leadership()


class CountsFromItsAnswer(ReadsWhatItClaimed):
    """Counts from when the second answer is there, and not from before it was asked."""

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, sent=self.clock())


@pytest.mark.parametrize(("which", "failed"), [(ReadsWhatItClaimed, 0), (CountsFromItsAnswer, 1)])
def test_claim_may_be_counted_from_before_it_was_renewed(which, failed):
    """P2: A claim that a second request of the attempt has read and renewed counts from before that one, not after."""
    harness = type("OwnHarness", (ZooHarness,), {"which": which, "ttl": 4.0, "request_timeout": 1.0})()
    report = run_only(harness, "test_claim_is_counted_from_before_the_request")
    assert len(report.of("failed")) == failed, failures(report)


@pytest.mark.thorough
@pytest.mark.parametrize("harness", [SlowHarness, DnsHarness])
def test_correct_elector_is_never_flagged(harness):
    """Of the whole suite nothing fails on a store that is slow, and on one that takes few names."""
    report = run_conformance(None, harness=lambda _: harness())
    assert failures(report) == []
    assert len(report.of("passed")) == len(suite_tests())


@pytest.mark.parametrize(("taken", "name"), [(None, "conformance/"), ("abcdefghijklmnopqrstuvwxyz0123456789_", "conf")])
def test_names_of_the_suite_have_the_characters_of_the_store(taken, name):
    """Whatever is not taken is replaced: in names of elections, and in ids."""

    class Shy(ModelHarness):
        characters = taken

    harness = Shy()
    harness.open()
    scene = Scene(harness)
    made = scene.candidate("a", lock_id=f"{scene.lock_id}/other")
    for text in (made.elector.lock_id, made.candidate):
        assert taken is None or set(text) <= set(taken)
    assert made.elector.lock_id.startswith(name)
    scene.close()


@pytest.mark.parametrize("taken", ["abc", 7, "abcdefghijklmnopqrstuvwxyz0123456789"])
def test_characters_of_a_harness_are_validated(taken):
    """Small letters, digits and something to put between them are the least."""

    class Odd(ModelHarness):
        characters = taken

    with pytest.raises(ConfigurationError, match=r"Odd\.characters must be text with small letters, digits and"):
        validate(Odd())
