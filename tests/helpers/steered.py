"""What operators may ask of an election: the same on every elector. Plugins' tests inherit it."""

from __future__ import annotations

import contextlib
import json
import threading

import pytest
from patience import PATIENCE, in_time

from incumbent import LeaderElection, LeaderElectionConfig, Reason, read_leader
from incumbent.cli import main
from incumbent.steer import Result, hand_over, paused


class Serving:
    """A callback that runs until it is told to return."""

    def __init__(self):
        self.called, self.returned = threading.Event(), threading.Event()

    def __call__(self, *_):
        self.called.set()
        self.returned.wait(PATIENCE)


class Steered:
    """Tests for a subclass, whose module has the fixtures `url` and `name`."""

    @pytest.fixture
    def candidates(self, url, name):
        """Four candidates that heed requests, by their ids, the first of which leads; and why their terms ended."""
        reasons: list[Reason] = []
        with contextlib.ExitStack() as stack:
            made = {}
            for candidate in "abcd":
                config = LeaderElectionConfig(
                    name,
                    candidate=candidate,
                    ttl=30.0,
                    request_timeout=5.0,
                    relinquish_interval=None,
                    steering=True,
                    on_deposed=lambda _, reason: reasons.append(reason),
                )
                made[candidate] = stack.enter_context(LeaderElection(config, url))
                if candidate == "a":
                    assert made["a"].wait_for_leadership(PATIENCE) is not None
            for other in "bcd":
                in_time(made[other].is_follower)
            yield made, reasons

    def test_hand_over_reaches_the_named_candidate(self, url, name, candidates):
        """P4, P6: among four the one that is named leads next, with a larger token; the term ended because of that."""
        made, reasons = candidates
        token = made["a"].term.token
        for to in "cbd":
            outcome = hand_over(url, name, to=to, timeout=PATIENCE, request_timeout=20.0)
            assert (outcome.result, outcome.leader, outcome.problem) == (Result.DONE, to, None)
            assert outcome.token > token
            token = outcome.token
            in_time(made[to].is_leader)
        assert reasons == 3 * [Reason.REQUESTED]

    @pytest.fixture
    def preferred(self, url, name):
        """A function that has a candidate with that preference campaign; and why their terms ended."""
        reasons: list[Reason] = []
        with contextlib.ExitStack() as stack:

            def campaign(candidate, preference):
                config = LeaderElectionConfig(
                    name,
                    candidate=candidate,
                    ttl=30.0,
                    request_timeout=5.0,
                    relinquish_interval=None,
                    follower_check_interval=0.5,
                    preference=preference,
                    min_term=0.5,
                    on_deposed=lambda _, reason: reasons.append(reason),
                )
                return stack.enter_context(LeaderElection(config, url))

            yield campaign, reasons

    def test_hand_over_reaches_one_that_lets_others_go_first(self, url, name, preferred):
        """Who is preferred least stands in no queue while another leads; named, it comes, and leads next."""
        campaign, _ = preferred
        assert campaign("a", 50).wait_for_leadership(PATIENCE) is not None
        last = campaign("b", 0)
        in_time(last.is_follower)
        outcome = hand_over(url, name, to="b", timeout=PATIENCE, request_timeout=20.0)
        assert (outcome.result, outcome.leader, outcome.problem) == (Result.DONE, "b", None)

    def test_preferred_one_takes_the_office(self, preferred):
        """P6: whoever led before, in order; the others follow, and none of them asks for it in vain for ever."""
        campaign, reasons = preferred
        first = campaign("a", 0)
        assert first.wait_for_leadership(PATIENCE) is not None
        best = campaign("b", 100)
        in_time(best.is_leader)
        assert first.is_follower()
        assert reasons == [Reason.REQUESTED]

    def test_hand_over_to_anybody(self, url, name, candidates):
        """Whoever is elected next is right, but for the one that has handed over, which stands aside."""
        made, _ = candidates
        outcome = hand_over(url, name, timeout=PATIENCE, request_timeout=20.0)
        assert outcome.result is Result.DONE
        assert outcome.leader in {"b", "c", "d"}
        in_time(made[outcome.leader].is_leader)

    def test_hand_over_that_waits_for_a_callback_is_shown(self, url, name, monkeypatch, capsys):
        """P6: `status` says for which callback the leader keeps its claim, until it has given that up."""
        monkeypatch.setattr("incumbent.engine.life.CALLBACK_PATIENCE", 0.1)
        serving = Serving()
        config = LeaderElectionConfig(
            name, candidate="a", ttl=30.0, request_timeout=5.0, relinquish_interval=None, on_elected=serving
        )

        def status():
            assert main(["status", "--json", "--elector", url, "--name", name]) == 0
            return json.loads(capsys.readouterr().out)

        with LeaderElection(config, url) as election, contextlib.ExitStack() as stack:
            stack.callback(serving.returned.set)
            token = election.wait_for_leadership(PATIENCE).token
            assert status()["waits_for"] is None
            assert serving.called.wait(PATIENCE)
            election.relinquish()
            waiting = in_time(lambda: (seen := status())["waits_for"] and seen)
            assert (waiting["leader"], waiting["token"], waiting["waits_for"]) == ("a", token, "on_elected")
            serving.returned.set()
            assert in_time(lambda: read_leader(url, f"{name}.notice").candidate is None)
            assert status()["waits_for"] is None

    def test_what_cannot_be_asked_for_is_refused(self, url, name, candidates):
        """To who leads already; and where nobody leads there is nobody to ask. Nothing has changed."""
        made, reasons = candidates
        outcome = hand_over(url, name, to="a", timeout=PATIENCE, request_timeout=20.0)
        assert (outcome.result, outcome.problem) == (Result.REFUSED, "a leads already")
        outcome = hand_over(url, f"{name}/other", timeout=PATIENCE, request_timeout=20.0)
        assert (outcome.result, outcome.problem) == (Result.REFUSED, "nobody leads")
        assert made["a"].is_leader()
        assert reasons == []

    def test_nobody_is_elected_during_a_pause(self, url, name, candidates):
        """Who leads goes on; when it leaves, nobody leads until the pause is over."""
        made, _ = candidates
        with paused(url, name):
            for other in "bcd":
                in_time(lambda other=other: made[other].situation.aside > 0)
            # Who stands in a queue is shown as the leader when those before it have left: wait until all are out of it.
            assert in_time(lambda: {"a"} == set(read_leader(url, name).candidates or "a"))
            assert made["a"].is_leader()
            made["a"].close()
            assert read_leader(url, name).candidate is None
            assert not any(each.is_leader() for each in made.values())
        in_time(lambda: any(made[other].is_leader() for other in "bcd"))

    def test_who_is_not_eligible_leaves_the_queue(self, url, name, candidates):
        """Who is next in the queue is passed over while it is not eligible; a leader that is not, is succeeded."""
        made, reasons = candidates
        made["b"].eligible = made["c"].eligible = False
        in_time(lambda: made["b"].situation.aside_for is not None)
        made["a"].eligible = False
        assert not made["a"].is_leader()
        in_time(made["d"].is_leader)
        assert reasons == [Reason.NOT_ELIGIBLE]
        made["d"].close()
        made["b"].eligible = True
        in_time(made["b"].is_leader)
