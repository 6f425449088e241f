"""Who may not lead: it hands over, leaves the queue, goes on seeing who leads, and comes back when it may."""

from math import inf

import pytest

from incumbent import ConfigurationError, LeaderElectionConfig, Reason, State


def test_who_is_not_eligible_never_tries(stage):
    """From the beginning: it is a follower that sees who leads, and asks for nothing."""
    puppet = stage.puppet()
    election = stage.election(puppet, eligible=False)
    stage.advance(60)
    assert set(puppet.calls) == {"observe"}
    assert election.state is State.FOLLOWER
    assert not election.eligible
    assert str(election.situation) == "this candidate stands aside: it is not eligible"


def test_leader_that_is_not_eligible_any_more_hands_over(stage):
    """P6: in order, with the reason; the term is over when the assignment returns, and it does not try again."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    term = election.term
    election.eligible = False
    assert not term.is_valid()
    stage.advance(60)
    assert stage.heard == [("elected", 1), ("deposed", 1, Reason.NOT_ELIGIBLE.value)]
    assert puppet.calls.count("relinquish") == 1
    assert puppet.calls.count("acquire") == 1
    assert election.situation.aside == inf


def test_who_is_eligible_again_campaigns_at_once(stage):
    """P7: nothing is final; a cool-down from before does not matter any more when it has passed."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    election.eligible = False
    stage.advance(60)
    election.eligible = True
    stage.settle()
    assert election.is_leader()
    assert election.term.token == 2


def test_follower_that_is_not_eligible_tries_no_more(stage):
    """It looks on, as often as a follower does."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    election = stage.election(puppet)
    stage.advance(10)
    tried = puppet.calls.count("acquire")
    election.eligible = False
    del puppet.answers["acquire"]
    stage.advance(60)
    assert puppet.calls.count("acquire") == tried
    assert puppet.calls.count("observe") > 5


def test_it_can_be_said_before_the_start(stage):
    """What was set last holds."""
    election = stage.election(stage.puppet(), start=False)
    election.eligible = False
    election.start()
    stage.advance(10)
    assert not election.is_leader()
    assert not election.eligible


@pytest.mark.parametrize("field", ["eligible", "steering"])
@pytest.mark.parametrize("value", [None, 0, 1, "no"])
def test_a_switch_is_true_or_false(field, value):
    """Anything else is refused when the config is built."""
    with pytest.raises(ConfigurationError, match=rf"^{field} .* must be True or False$"):
        LeaderElectionConfig("reports", **{field: value})
