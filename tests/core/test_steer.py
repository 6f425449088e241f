"""Requests of operators, on the electors that every installation has."""

import contextlib
import threading
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest
from patience import PATIENCE, in_time
from steered import Steered

from incumbent import ConfigurationError, LeaderElection, LeaderElectionConfig, LeaderRecord, read_leader, steer
from incumbent.engine.steering import COURTESY, HAND_OVER, LEADERLESS, Request
from incumbent.steer import Result, hand_over


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


def test_hand_over_to_who_leads_is_refused_at_once(name, monkeypatch):
    """Nobody is waited for: that one leads is what was wanted."""
    monkeypatch.setattr(steer, "RETURN", 3600.0)
    with elections("memory://steer", name, "a")["a"] as leader:
        leader.wait_for_leadership(PATIENCE)
        outcome = hand_over("memory://steer", name, to="a", timeout=3600.0)
    assert (outcome.result, outcome.problem) == (Result.REFUSED, "a leads already")


def test_leader_waits_for_who_is_slow_to_stand_aside(name):
    """Where candidates are listed it leads on until only the named one waits: one that is starved would come before."""
    made, outcomes, released = elections("memory://steer", name, "a", "b", "c"), [], threading.Event()
    with contextlib.ExitStack() as stack:
        leader = stack.enter_context(made["a"])
        leader.wait_for_leadership(PATIENCE)
        slow = stack.enter_context(made["c"])
        stack.enter_context(made["b"])
        in_time(lambda: len(read_leader("memory://steer", name).candidates) == 3)
        control = slow._candidacy.control
        observe = control.observe_leadership
        control.observe_leadership = lambda: released.wait(PATIENCE) and observe()
        asking = threading.Thread(
            target=lambda: outcomes.append(hand_over("memory://steer", name, to="b", timeout=PATIENCE))
        )
        asking.start()
        try:
            asking.join(COURTESY + 0.5)
            assert leader.is_leader()
            assert outcomes == []
        finally:
            released.set()
            asking.join()
    assert [(outcome.result, outcome.leader) for outcome in outcomes] == [(Result.DONE, "b")]


def test_leader_that_heeds_no_requests_is_named(name):
    """It leads on, and who asks learns why that may be."""
    with elections("memory://steer", name, "a", steering=False)["a"] as leader:
        leader.wait_for_leadership(PATIENCE)
        outcome = hand_over("memory://steer", name, timeout=1.0)
        assert outcome.result is Result.LATE
        assert "a still leads: its callbacks have not returned, or it heeds no requests" in outcome.problem
        assert leader.is_leader()


def test_looks_do_not_overtake_each_other(stage):
    """What is asked is what the last look has seen: one begins when the one before has answered, and none is lost."""
    control = stage.puppet(lock_id="reports.control")
    election = stage.election(stage.puppet(), start=False)
    election.config = replace(election.config, steering=True)
    election._backend = SimpleNamespace(elector=lambda *_: control, close=lambda: None)
    election.start()
    for _ in range(3):
        control.notify()
        stage.runner.step()
    assert len(stage.calls.jobs) == 1
    stage.settle()
    assert control.calls == 2 * ["observe"]
    assert election.is_leader()


@pytest.mark.parametrize("term", [1, 2])
def test_who_is_called_back_at_once_comes(stage, term):
    """
    Who has handed over stands aside, but not from a request that names it and is for another's term.

    It has not seen that one: it was over before who handed over has looked again. A request for its own last term
    says nothing of the kind.
    """
    puppet, control = stage.puppet(), stage.puppet(lock_id="reports.control")
    puppet.answers["observe"] = LeaderRecord("reports", None, None)
    control.answers["observe"] = LeaderRecord("reports.control", None, None)
    election = stage.election(puppet, start=False)
    election.config = replace(election.config, steering=True)
    election._backend = SimpleNamespace(elector=lambda *_: control, close=lambda: None)
    election.start()
    stage.settle()
    election.relinquish()
    stage.settle()
    assert puppet.calls.count("acquire") == 1
    request = Request(HAND_OVER, term, "a")
    control.answers["observe"] = LeaderRecord("reports.control", str(request), 7)
    control.notify()
    stage.settle()
    stage.advance(1.0)
    assert puppet.calls.count("acquire") == term
    assert election.is_leader() is (term == 2)


def test_requests_need_a_backend_that_can_be_asked(stage):
    """An elector that was handed in cannot look at a second election: that is said when the election is made."""
    with pytest.raises(ConfigurationError, match=r"^steering needs the URL of an elector"):
        stage.election(stage.puppet(), steering=True)


def test_id_that_is_too_long_to_be_asked_for_is_refused(name):
    """A request is an id itself, which may have 255 characters."""
    with pytest.raises(ConfigurationError, match=r"^the id 'b+… .* is too long to be asked for"):
        hand_over("memory://steer", name, to="b" * 250)


@pytest.mark.parametrize("call", ["look", "ask"])
def test_call_that_outlives_its_candidate_leaves_nothing(tmp_path, name, call):
    """P8: a look for requests, or a request, that returns when all is closed may open it again; that is closed, too."""
    url, began, goes_on = f"local://{tmp_path}", threading.Event(), threading.Event()

    def late(method):
        def waits():
            began.set()
            assert goes_on.wait(PATIENCE)
            return method()

        return waits

    with elections(url, name, "a", steering=False)["a"] as leader:
        leader.wait_for_leadership(PATIENCE)
        with elections(url, name, "b", preference=100, min_term=0.1)["b"] as other:
            candidacy = other._candidacy
            if call == "look":
                candidacy.control.observe_leadership = late(candidacy.control.observe_leadership)
                candidacy.control.notify()
            else:
                make = candidacy.new_plea

                def new_plea():
                    plea = make()
                    plea.acquire_leadership = late(plea.acquire_leadership)
                    return plea

                candidacy.new_plea = new_plea
            assert began.wait(PATIENCE)
    goes_on.set()
    assert in_time(lambda: not [thread for thread in threading.enumerate() if thread.name == "incumbent-local-watch"])
