"""Who is not fit to lead: by its own application's word, after so many failures in a row."""

import pytest

from incumbent import ConfigurationError, LeaderElectionConfig, Reason
from incumbent.engine.health import Health


@pytest.fixture
def says():
    """What the application says of its health: set `says.answer`; an exception is raised."""

    class Says:
        answer: object = True
        asked = 0

        def __call__(self):
            self.asked += 1
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

    return Says()


def test_who_is_not_healthy_yet_does_not_campaign(stage, says):
    """A copy that comes up with a broken disk is no candidate; with its first yes it is."""
    says.answer = False
    puppet = stage.puppet()
    election = stage.election(puppet, health=says)
    stage.advance(35)
    assert "acquire" not in puppet.calls
    assert says.asked == 4
    assert str(election.situation) == "this candidate stands aside: it is not healthy"
    says.answer = True
    stage.advance(10)
    assert election.is_leader()


@pytest.mark.parametrize("failure", [False, None, OSError("disk full")], ids=str)
def test_leader_hands_over_after_failures_in_a_row(stage, says, failure):
    """Two are none yet; the third ends the term in order, and the first yes makes it a candidate again."""
    puppet = stage.puppet()
    election = stage.election(puppet, health=says, health_failures=3)
    stage.advance(5)
    says.answer = failure
    stage.advance(20)
    assert election.is_leader()
    stage.advance(10)
    assert stage.heard == [("elected", 1), ("deposed", 1, Reason.NOT_ELIGIBLE.value)]
    assert puppet.calls.count("relinquish") == 1
    stage.advance(60)
    assert not election.is_leader()
    says.answer = True
    stage.advance(10)
    assert election.is_leader()


def test_one_yes_makes_up_for_failures(stage, says):
    """Only failures in a row count."""
    election = stage.election(stage.puppet(), health=says, health_failures=2)
    for answer in (True, False, True, False, True, False):
        says.answer = answer
        stage.advance(10)
        assert election.is_leader()


def test_no_answer_is_a_failure(stage, says):
    """A check that hangs is one that fails, and what it says in the end is not taken for a later look's answer."""
    election = stage.election(stage.puppet(), health=says, health_failures=2)
    stage.advance(5)
    stage.advance(50, callbacks=False)
    assert not election.is_leader()


def test_late_answers_do_not_count():
    """The answer to an older look comes too late: that look has failed."""
    health = Health(2)
    first = health.look()
    health.said(first, is_good=True)
    assert health.is_good
    late = health.look()
    health.look()
    health.said(late, is_good=True)
    health.look()
    assert not health.is_good


def test_healthy_and_eligible_are_both_needed(stage, says):
    """Neither makes up for the other."""
    election = stage.election(stage.puppet(), health=says, eligible=False)
    stage.advance(30)
    assert not election.is_leader()
    election.eligible = True
    stage.settle()
    assert election.is_leader()


async def coroutine():
    return True


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"health": True}, "^health must be callable"),
        ({"health": coroutine}, "^health is a coroutine function"),
        ({"health_failures": 0}, "^health_failures 0 must be a whole number from 1 to 1000"),
        ({"health_failures": True}, "^health_failures True must be"),
        ({"health_failures": 1.0}, "^health_failures 1.0 must be"),
        ({"health_interval": 0}, "^health_interval 0 must be more than 0 seconds"),
    ],
)
def test_mistakes_are_one_line(options, words):
    """What is no health check, number or time is refused when the config is built."""
    with pytest.raises(ConfigurationError, match=words):
        LeaderElectionConfig("reports", **options)
