"""What an election says of itself: who leads, or what keeps it from leading."""

import asyncio
import os

import pytest

from incumbent import (
    AsyncLeaderElection,
    BackendUnavailableError,
    ConfigurationError,
    InvalidStateError,
    LeaderElection,
    LeaderElectionConfig,
    LeaderElector,
    LeaderRecord,
    State,
)


def test_a_backend_that_fails_is_told_from_another_leader(stage):
    """`wait_for_leadership` returns None in both cases; the situation says which it was, the last error, since when."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = BackendUnavailableError("connection refused")
    election = stage.election(puppet)
    stage.advance(20)
    puppet.answers["acquire"] = BackendUnavailableError("no quorum")
    stage.advance(100)
    assert election.wait_for_leadership(0) is None
    down = election.situation
    assert (down.state, down.leader, down.error) == (State.BOOTSTRAP, None, puppet.answers["acquire"])
    assert down.failing == pytest.approx(120)
    assert str(down) == "the backend has failed for 120 s: no quorum"
    puppet.answers["acquire"] = None
    stage.advance(10)
    assert election.wait_for_leadership(0) is None
    refused = election.situation
    assert (refused.state, refused.leader, refused.error, refused.failing) == (State.FOLLOWER, None, None, 0.0)
    assert str(refused) == "another candidate leads, or its claim has not ended yet"


def test_a_call_that_hangs_is_a_backend_that_fails(stage):
    """P10: an attempt that has had no answer for too long is told like an error."""
    election = stage.election(stage.puppet(), start=False)
    election.start()
    stage.advance(3, calls=False)
    assert str(election.situation) == "the backend has not answered yet"
    stage.advance(9, calls=False)
    assert "acquire_leadership() has not returned after 6 s" in str(election.situation)


def test_who_leads_is_told_where_it_is_asked_for(stage):
    """With `on_leader_changed` the situation names the leader, or that there is none, as new as the last attempt."""
    puppet = stage.puppet()
    puppet.answers.update(acquire=None, observe=LeaderRecord("reports", "b\x1b", 4))
    election = stage.election(puppet, on_leader_changed=lambda _: None)
    assert election.situation.leader == puppet.answers["observe"]
    assert str(election.situation) == "'b\\x1b' leads, token 4"
    puppet.answers["observe"] = LeaderRecord("reports", None, None)
    stage.advance(4)
    assert str(election.situation).startswith("nobody leads, and nobody can before a claim that may have been there")
    puppet.answers.clear()
    stage.advance(4)
    leading = election.situation
    assert (leading.leader.candidate, leading.leader.token) == ("a", election.term.token)
    assert str(leading) == "this candidate leads"


def test_what_is_not_asked_for_does_not_grow_old(stage):
    """Without `on_leader_changed` nobody is named: who led when this candidate stood aside may have gone since."""
    puppet = stage.puppet()
    election = stage.election(puppet, cooldown=5)
    puppet.answers["acquire"] = None
    election.relinquish()
    stage.advance(60)
    assert "observe" in puppet.calls
    assert election.situation.leader is None


def test_before_and_after_it_is_no_candidate(stage):
    """An election that is not started, or is closed, knows nothing, and says so."""
    election = stage.election(stage.puppet(), start=False)
    assert (election.situation.campaigns, str(election.situation)) == (False, "it is no candidate")
    election.start()
    stage.settle()
    assert election.situation.campaigns
    stage.close(election)
    assert (election.situation.campaigns, str(election.situation)) == (False, "it is no candidate")


def test_a_forked_child_knows_nothing(stage, monkeypatch):
    """P9: what the parent knew is not the child's."""
    election = stage.election(stage.puppet())
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert not election.situation.campaigns


def test_with_asyncio_it_is_the_same():
    """The facade hands it through."""
    config = LeaderElectionConfig("reports", candidate="a")

    async def main():
        async with AsyncLeaderElection(config, "memory://situation") as election:
            await election.wait_for_leadership()
            return election.situation

    situation = asyncio.run(main())
    assert (situation.state, situation.leader.candidate) == (State.LEADER, "a")


def test_work_of_asyncio_that_does_not_end_is_named():
    """A hand-over waits for the work in `during` as well, which no callback of the application's is to blame for."""
    config = LeaderElectionConfig("reports", candidate="a")

    async def main():
        begun, cancelled, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def work():
            begun.set()
            try:
                await done.wait()
            except asyncio.CancelledError:
                cancelled.set()
                await done.wait()

        async with AsyncLeaderElection(config, "memory://named") as election:
            working = asyncio.create_task(election.during(await election.wait_for_leadership(), work()))
            await begun.wait()
            election.relinquish()
            await cancelled.wait()
            while election.situation.callback is None:
                await asyncio.sleep(0.01)
            callback = election.situation.callback
            done.set()
            await asyncio.wait({working})
            return callback

    assert asyncio.run(asyncio.wait_for(main(), 60)) == "the work in during()"


# ---------------------------------------------------------------- what cannot be done


def test_who_does_not_lead_is_told_why_it_cannot_hand_over(stage):
    """`relinquish` of a candidate that does not lead says what it is instead."""
    puppet = stage.puppet()
    puppet.answers.update(acquire=None, observe=LeaderRecord("reports", "b", 4))
    election = stage.election(puppet, start=False, on_leader_changed=lambda _: None)
    cannot = "invalid election state: only a leader can hand over, and "
    with pytest.raises(InvalidStateError, match=f"^{cannot}it is no candidate$"):
        election.relinquish()
    election.start()
    stage.settle()
    with pytest.raises(InvalidStateError, match=f"^{cannot}'b' leads, token 4$"):
        election.relinquish()


@pytest.mark.parametrize("facade", [LeaderElection, AsyncLeaderElection])
@pytest.mark.parametrize("config", ["m/a", None, {"lock_id": "m/a"}, LeaderElectionConfig])
def test_what_is_no_config_is_refused_in_one_line(facade, config):
    """The name in place of the config, or the two arguments the wrong way round: the line says what belongs there."""
    with pytest.raises(ConfigurationError, match=r"^config must be a LeaderElectionConfig, not .*lock_id=.*\Z"):
        facade(config, "memory://")


@pytest.mark.parametrize("elector", [None, LeaderElector, LeaderElectionConfig("m/a")])
def test_what_is_no_elector_is_refused_in_one_line(elector):
    """The second argument has its line, too."""
    with pytest.raises(ConfigurationError, match=r"^elector must be a URL or the name of an elector, not "):
        LeaderElection(LeaderElectionConfig("m/a"), elector)
