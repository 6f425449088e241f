"""Who should lead if it can: the others start later, when nobody leads."""

import uuid
from dataclasses import replace

import pytest

from incumbent import ConfigurationError, LeaderElection, LeaderElectionConfig, State
from incumbent.elector import LeaderRecord
from incumbent.engine.steering import HAND_OVER, Request, Steering

NOW = 1000.0
#: The follower check interval, which is also the longest head start.
INTERVAL = 2.0


@pytest.fixture
def campaign(stage):
    """Return a function that has a candidate with that preference campaign, all in one election."""
    url = f"memory://{uuid.uuid4().hex}"

    def campaign(candidate, preference, **options):
        config = stage.config(candidate=candidate, preference=preference, follower_check_interval=INTERVAL, **options)
        election = LeaderElection(config, url, runner=stage.runner)
        election.start()
        stage.settle()
        return election

    return campaign


def leave(stage, election):
    """Have *election* end as `close` does before it waits."""
    stage.runner.leave(election._candidacy)
    stage.settle()


@pytest.mark.parametrize(("preference", "seconds"), [(100, 0.0), (90, 0.2), (50, 1.0), (0, 2.0), (None, 0.0)])
def test_lower_ones_start_later(stage, campaign, preference, seconds):
    """Each point below 100 costs a hundredth of the follower check interval; who has no preference starts at once."""
    began = stage.clock.now()
    election = campaign("a", preference)
    while not election.is_leader():
        assert stage.clock.now() - began < INTERVAL + 1
        stage.clock.advance(0.01)
        stage.settle()
    assert stage.clock.now() - began == pytest.approx(seconds, abs=0.02)


def test_the_most_preferred_of_those_that_are_left_succeeds(stage, campaign):
    """Whoever came first: one after the other leaves, and the next one in preference leads."""
    made = {each: campaign(str(each), each) for each in (0, 90, 50)}
    made[100] = campaign("100", 100)
    stage.advance(20)
    order = []
    while made:
        leaders = [each for each, election in made.items() if election.is_leader()]
        assert len(leaders) == 1
        order += leaders
        leave(stage, made.pop(leaders[0]))
        stage.advance(INTERVAL + 0.1)
    assert order[1:] == sorted(order[1:], reverse=True)


def test_who_starts_later_follows_meanwhile(stage, campaign):
    """It sees who leads, is called back at every look, and says why it does not try."""
    calls = []
    campaign("a", None)
    election = campaign("b", 50, follower_callback=calls.append)
    stage.advance(10)
    assert election.state is State.FOLLOWER
    assert len(calls) > 3
    assert str(election.situation) == "this candidate stands aside: those that are preferred go first"


def test_who_led_and_lost_lets_the_preferred_go_first_again(stage, campaign):
    """The time without a leader is counted anew after a term of its own."""
    first = campaign("a", 0)
    stage.advance(INTERVAL)
    assert first.is_leader()
    second = campaign("b", 90)
    first.relinquish()
    stage.settle()
    assert not second.is_leader()
    stage.advance(0.3)
    assert second.is_leader()
    leave(stage, second)
    stage.advance(INTERVAL - 0.1)
    assert not first.is_leader()
    stage.advance(0.2)
    assert first.is_leader()


def test_who_is_asked_for_starts_at_once():
    """An operator's word counts for more; for anybody else than the named candidate nothing changes."""
    back = Steering("b", 1.0, head_start=2.0)
    back.saw(LeaderRecord("reports", "a", 41), NOW)
    for to, aside in (("b", float("-inf")), (None, float("inf"))):
        back.asked(LeaderRecord("reports.control", str(Request(HAND_OVER, 41, to)), 7), NOW)
        assert back.orders(leads=None).aside_until == aside


@pytest.mark.parametrize("preference", [-1, 101, True, 1.0, "1"])
def test_preference_is_a_number_from_0_to_100(preference):
    """Anything else is refused when the config is built."""
    with pytest.raises(ConfigurationError, match=r"^preference .* must be a whole number from 0 to 100$"):
        LeaderElectionConfig("reports", preference=preference)


def test_who_has_a_preference_heeds_requests(stage):
    """So it needs a backend of its own; without one that is said."""
    config = LeaderElectionConfig("reports", preference=0)
    assert config.steering
    assert not replace(config, preference=None, steering=False).steering
    with pytest.raises(ConfigurationError, match=r"^preference needs the URL of an elector"):
        stage.election(stage.puppet(), preference=1)
