"""Who should lead if it can: the others start later when nobody leads, and it asks for the office when it has come."""

import itertools
import uuid
from dataclasses import replace
from math import inf

import pytest

from incumbent import ConfigurationError, LeaderElection, LeaderElectionConfig, Reason, State
from incumbent.elector import LeaderRecord
from incumbent.engine.steering import COURTESY, HAND_OVER, PAUSE, Request, Steering

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
    for to, aside in (("b", -inf), (None, inf)):
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


# ---------------------------------------------------------------- who is preferred asks for the office

MIN_TERM = 10.0
#: A leader waits for a moment, and more clocks than one are counted by.
SETTLED = MIN_TERM * 1.02 + COURTESY + 0.1


def deposed(stage):
    return [each[1:] for each in stage.heard if each[0] == "deposed"]


def test_preferred_one_takes_the_office_after_settling(stage, campaign):
    """It follows for as long as a term is to last at least, then it is handed the office, in order."""
    lower = campaign("a", 50, min_term=MIN_TERM)
    stage.advance(30)
    preferred = campaign("b", 100, min_term=MIN_TERM)
    stage.advance(MIN_TERM)
    assert lower.is_leader()
    stage.advance(SETTLED - MIN_TERM)
    assert preferred.is_leader()
    assert deposed(stage) == [(1, Reason.REQUESTED.value)]


@pytest.mark.parametrize(("leads", "follows"), [(100, 100), (50, 50), (100, 50), (50, 0), (100, None)])
def test_who_is_not_preferred_never_takes_the_office(stage, campaign, leads, follows):
    """P7: equal ones do not displace each other, whoever came first."""
    leader = campaign("a", leads, min_term=MIN_TERM)
    stage.advance(INTERVAL + 0.1)
    campaign("b", follows, min_term=MIN_TERM)
    stage.advance(20 * MIN_TERM)
    assert leader.is_leader()
    assert deposed(stage) == []


def test_leader_without_a_preference_hands_over_to_one_with_any(stage, campaign):
    """It counts as 0, if it heeds requests; one that does not is left alone."""
    campaign("a", None, steering=True, min_term=MIN_TERM)
    preferred = campaign("b", 1, min_term=MIN_TERM)
    stage.advance(SETTLED)
    assert preferred.is_leader()


def test_leader_that_heeds_no_requests_is_left_alone(stage, campaign):
    """It leads on, and is asked ever more rarely."""
    leader = campaign("a", None)
    campaign("b", 100, min_term=MIN_TERM)
    stage.advance(20 * MIN_TERM)
    assert leader.is_leader()


def test_flapping_preferred_one_takes_the_office_once_in_a_term(stage, campaign):
    """Whoever comes and goes: a leader leads for a term at least, as long as it can."""
    campaign("a", 0, min_term=MIN_TERM)
    stage.advance(30)
    began = stage.clock.now()
    for _ in range(10):
        preferred = campaign("b", 100, min_term=MIN_TERM)
        stage.advance(MIN_TERM / 2)
        leave(stage, preferred)
    assert deposed(stage) == []
    while stage.clock.now() < began + 20 * MIN_TERM:
        preferred = campaign("b", 100, min_term=MIN_TERM)
        while not preferred.is_leader():
            stage.advance(1.0)
        leave(stage, preferred)
        stage.advance(INTERVAL + 0.1)
    lost = [each for each in deposed(stage) if each[1] == Reason.REQUESTED.value]
    assert 10 <= len(lost) <= 20


def test_leader_whose_own_term_is_to_last_longer_leads_on(stage, campaign):
    """What the leader was told counts; it is asked again when that may have passed."""
    leader = campaign("a", 0, min_term=5 * MIN_TERM)
    stage.advance(INTERVAL + 0.1)
    preferred = campaign("b", 100, min_term=MIN_TERM)
    stage.advance(4 * MIN_TERM)
    assert leader.is_leader()
    stage.advance(6 * MIN_TERM)
    assert preferred.is_leader()


def test_who_is_not_fit_to_lead_does_not_ask(stage, campaign):
    """It settles anew when it may lead again."""
    leader = campaign("a", 0, min_term=MIN_TERM)
    stage.advance(30)
    preferred = campaign("b", 100, min_term=MIN_TERM)
    stage.advance(MIN_TERM - 1)
    preferred.eligible = False
    stage.advance(2 * MIN_TERM)
    preferred.eligible = True
    stage.advance(MIN_TERM)
    assert leader.is_leader()
    stage.advance(SETTLED - MIN_TERM)
    assert preferred.is_leader()


def test_pause_keeps_the_preferred_from_asking(stage, campaign):
    """Only one request is made at a time, and an operator's is not disturbed."""
    leader = campaign("a", 0, min_term=MIN_TERM)
    stage.advance(INTERVAL + 0.1)
    campaign("b", 100, min_term=MIN_TERM)
    pause = campaign(str(Request(PAUSE)), None, lock_id="reports.control")
    stage.advance(10 * MIN_TERM)
    assert leader.is_leader()
    assert pause.is_leader()
    leave(stage, pause)
    stage.advance(2 * SETTLED)
    assert not leader.is_leader()


def test_request_is_there_for_a_moment_and_ever_more_rarely(stage, campaign):
    """It keeps operators from making theirs for two seconds, and less than a hundredth of the time."""
    campaign("a", 100, min_term=MIN_TERM)
    campaign("b", 50, min_term=MIN_TERM)
    control = campaign("operator", None, lock_id="reports.control", eligible=False)
    elector, seen = control._candidacy.elector, []
    for _ in range(100 * int(MIN_TERM)):
        stage.advance(0.5)
        seen.append(elector.observe_leadership().candidate is not None)
    asked = [at / 2 for at, there in enumerate(seen) if there and not seen[at - 1]]
    assert sum(seen) <= 2 * 2 * COURTESY * len(asked) + len(asked)
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert len(pauses) >= 3
    assert all(after == pytest.approx(2 * before, rel=0.1) for before, after in itertools.pairwise(pauses))


def test_request_ends_with_who_asks(stage, campaign):
    """P8: a candidate that leaves while it asks takes its request back; one that was elected as well."""
    campaign("a", 100, min_term=MIN_TERM)
    asking = campaign("b", 50, min_term=MIN_TERM)
    control = campaign("operator", None, lock_id="reports.control", eligible=False)._candidacy.elector
    stage.advance(MIN_TERM * 1.02 + 0.1)
    assert Request.parse(control.observe_leadership().candidate).preference == 50
    leave(stage, asking)
    assert control.observe_leadership().candidate is None


def test_id_that_is_too_long_to_ask_with_is_refused(stage):
    """A request is an id itself, which may have 255 characters."""
    config = LeaderElectionConfig("reports", candidate="b" * 250, preference=1)
    with pytest.raises(ConfigurationError, match=r"^the id 'b+… .* is too long to be asked for"):
        LeaderElection(config, "memory://", runner=stage.runner)


def test_nothing_is_waited_for_that_never_comes(stage, campaign):
    """P8: whoever asks for nothing, as nobody leads or it does itself, keeps no timer for that."""
    campaign("a", 90)
    for _ in range(3):
        leader = campaign("b", 100)
        stage.advance(100)
        assert leader.is_leader()
        leave(stage, leader)
        stage.advance(INTERVAL)
    assert [timer for at, _, _, timer in stage.runner._timers._heap if at == inf] == []
