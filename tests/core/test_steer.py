"""Requests of operators, on the electors that every installation has."""

import uuid

import pytest
from steered import Steered

from incumbent import ConfigurationError, LeaderElection, LeaderElectionConfig
from incumbent.engine.steering import COURTESY, LEADERLESS
from incumbent.steer import Result, hand_over

PATIENCE = 60.0


@pytest.fixture
def name():
    return f"steer/{uuid.uuid4().hex}"


class TestMemory(Steered):
    """On `memory://`."""

    @pytest.fixture
    def url(self):
        return "memory://steer"


class TestLocal(Steered):
    """On `local://`."""

    @pytest.fixture
    def url(self, tmp_path):
        return f"local://{tmp_path}"


def elections(url, name, *ids, **options):
    return {
        each: LeaderElection(
            LeaderElectionConfig(name, candidate=each, relinquish_interval=None, **{"steering": True, **options}), url
        )
        for each in ids
    }


def test_candidate_that_never_comes_costs_a_moment_without_a_leader(tmp_path, name):
    """Where candidates are not listed a dead one can be asked for: then another one leads, and is named."""
    url = f"local://{tmp_path}"
    made = elections(url, name, "a", "b")
    with made["a"] as leader:
        leader.wait_for_leadership(PATIENCE)
        with made["b"]:
            outcome = hand_over(url, name, to="nobody", timeout=PATIENCE)
    assert (outcome.result, outcome.leader) == (Result.ANOTHER, "b")
    assert outcome.seconds > COURTESY + LEADERLESS


def test_who_is_asked_for_and_no_candidate_is_refused(name):
    """Where candidates are listed that is known before anything is asked."""
    with elections("memory://steer", name, "a")["a"] as leader:
        leader.wait_for_leadership(PATIENCE)
        outcome = hand_over("memory://steer", name, to="b", timeout=PATIENCE)
        assert (outcome.result, outcome.problem) == (Result.REFUSED, "b is no candidate")
        assert leader.is_leader()


def test_leader_that_heeds_no_requests_is_named(name):
    """It leads on, and who asks learns why that may be."""
    with elections("memory://steer", name, "a", steering=False)["a"] as leader:
        leader.wait_for_leadership(PATIENCE)
        outcome = hand_over("memory://steer", name, timeout=1.0)
        assert outcome.result is Result.LATE
        assert "a still leads: its callbacks have not returned, or it heeds no requests" in outcome.problem
        assert leader.is_leader()


def test_requests_need_a_backend_that_can_be_asked(stage):
    """An elector that was handed in cannot look at a second election: that is said when the election is made."""
    with pytest.raises(ConfigurationError, match=r"^steering needs the URL of an elector"):
        stage.election(stage.puppet(), steering=True)


def test_id_that_is_too_long_to_be_asked_for_is_refused(name):
    """A request is an id itself, which may have 255 characters."""
    with pytest.raises(ConfigurationError, match=r"^the id 'b+… .* is too long to be asked for"):
        hand_over("memory://steer", name, to="b" * 250)
