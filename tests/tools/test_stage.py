"""The stage for tests of applications: elections are won, lost, cut off and handed over, and nobody waits for time."""

import asyncio
import threading
from queue import SimpleQueue

import pytest
from patience import PATIENCE

from incumbent import (
    AsyncLeaderElection,
    ConfigurationError,
    ElectionObserver,
    InvalidStateError,
    LeaderElection,
    LeaderElectionConfig,
    LeadershipLostError,
    Runner,
    read_leader,
)
from incumbent.state import Reason
from incumbent.testing import Stage
from incumbent.testing import stage as module

NAME = "service/reports"


@pytest.fixture
def stage(incumbent_stage):
    return incumbent_stage


def config(**options):
    return LeaderElectionConfig(lock_id=NAME, **{"relinquish_interval": None, **options})


def test_winner_leads_for_as_long_as_time_passes(stage):
    """An hour is 1,300 renewals, all of which are done: the term that was won is the one that lasts."""
    with LeaderElection(config(), stage.url) as election:
        term = stage.win(NAME)
        assert term is election.wait_for_leadership(PATIENCE)
        stage.advance(3600)
        assert term.is_valid()
        assert term.remaining() > election.config.ttl / 2


def test_loser_does_not_lead_when_the_loss_returns_nor_later(stage):
    """P1: the term is over at once, and only `win` brings another, which has a larger token (P4)."""
    with LeaderElection(config(), stage.url) as election:
        term = stage.win(NAME)
        stage.lose(NAME)
        assert (term.is_valid(), term.reason, election.is_leader()) == (False, Reason.LOST, False)
        stage.advance(3600)
        assert election.term is None
        assert read_leader(stage.url, NAME).candidate == "another"
        assert stage.win(NAME).token > term.token
        assert election.is_leader()


def test_who_comes_second_follows(stage):
    """`lose` before there is a candidate is another leader that was there first."""
    stage.lose(NAME)
    with LeaderElection(config(), stage.url) as election:
        stage.advance(60)
        assert election.is_follower()
        stage.win(NAME)
        assert election.is_leader()


def test_work_that_sleeps_until_its_term_ends_sleeps_in_virtual_time(stage):
    """`Term.wait` returns when its timeout has passed on the clock of the stage, not before, and soon after."""
    ended, slept = threading.Event(), []

    def work(term):
        began = stage.clock.now()
        assert not term.wait(timeout=600)
        slept.append(stage.clock.now() - began)
        ended.set()

    with LeaderElection(config(on_elected=work), stage.url):
        while not ended.wait(0.01):
            stage.advance(60)
    assert slept[0] >= 600


def test_time_does_not_run_ahead_of_callbacks(stage, monkeypatch):
    """Callbacks that return at once are none that take long: every check calls, and no hand-over is cut short."""
    monkeypatch.setattr(module, "GRACE", PATIENCE)
    seen, told = [], []

    class Told(ElectionObserver):
        def callback_late(self, event):
            told.append(event)

    options = {"handover_timeout": 1, "relinquish_interval": 60, "observer": Told()}
    with LeaderElection(config(leader_callback=lambda _: seen.append(stage.clock.now()), **options), stage.url):
        stage.advance(900)
    assert len(seen) > 900 / 15
    assert told == []


def test_outage_ends_the_term_at_its_renew_deadline(stage):
    """P2, P7: a leader leads on as long as it may, then not; after the outage it is elected again, without more ado."""
    with LeaderElection(config(), stage.url) as election:
        term = stage.win(NAME)
        with stage.outage():
            stage.advance(election.config.renew_deadline - election.config.leader_check_interval - 0.1)
            assert term.is_valid()
            stage.advance(election.config.leader_check_interval + 0.2)
            assert (term.is_valid(), term.reason) == (False, Reason.NOT_RENEWED)
            stage.advance(3600)
            assert not election.is_leader()
        assert election.term.token > term.token


@pytest.mark.parametrize("leads", [True, False])
def test_closing_in_an_outage_waits_for_no_time(stage, leads):
    """P8: who leaves while no store answers gives up in virtual time, and says to nobody that it has not closed."""
    election = LeaderElection(config(close_timeout=3600), stage.url)
    if leads:
        election.start()
        stage.win(NAME)
    with stage.outage():
        if not leads:
            election.start()
        began = stage.clock.now()
        election.close()
    assert str(election.situation) == "it is no candidate"
    assert stage.clock.now() - began >= (3600 if leads else 0)


def test_suspended_process_leads_no_more_when_it_wakes(stage):
    """P2: the clock alone ends the term, before the engine has looked at anything."""
    with LeaderElection(config(), stage.url):
        term = stage.win(NAME)
        stage.clock.advance(60)
        assert not term.is_valid()


def test_slow_hand_over_keeps_the_claim_until_the_work_has_ended(stage):
    """P6: the term is over at once; the claim is given up, and another elected, when the callback has returned."""
    begun, may_end, seen = threading.Event(), threading.Event(), []

    def work(term):
        begun.set()
        may_end.wait(PATIENCE)
        seen.append(read_leader(stage.url, NAME).candidate == term.candidate)

    with LeaderElection(config(on_elected=work), stage.url) as election:
        term = stage.win(NAME)
        assert begun.wait(PATIENCE)
        stage.hand_over(NAME)
        assert (term.is_valid(), term.reason) == (False, Reason.REQUESTED)
        with LeaderElection(config(candidate="rival"), stage.url) as rival:
            stage.advance(300)
            assert (rival.is_leader(), read_leader(stage.url, NAME).candidate) == (False, election.candidate)
            may_end.set()
            assert rival.wait_for_leadership(PATIENCE).token > term.token
    assert all(seen)  # it leads once more when the rival has left


def test_schedule_hands_over_when_its_time_has_come(stage):
    """Wall time passes too; and the winner of the next term is elected after its cool-down."""
    with LeaderElection(config(relinquish_interval_spec="0 * * * *"), stage.url):
        term = stage.win(NAME)
        stage.advance(3600)
        assert term.reason is Reason.SCHEDULE
        assert stage.win(NAME).token > term.token


def test_elections_are_lost_one_by_one(stage):
    """What befalls one election does not befall another of the same process."""
    with (
        LeaderElection(LeaderElectionConfig(lock_id=7), stage.url) as one,
        LeaderElection(LeaderElectionConfig(lock_id="other"), stage.url) as other,
    ):
        assert {stage.win(7).lock_id, stage.win("other").lock_id} == {"7", "other"}
        stage.lose(7)
        assert (one.is_leader(), other.is_leader()) == (False, True)


def test_term_can_end_in_the_middle_of_the_work(stage):
    """The code under test may be where it ends, on its own thread: what that does next sees it, each time."""
    writes, ended = [], threading.Event()

    def work(term):
        while term.is_valid():
            writes.append(term.token)
            stage.lose(NAME)
        ended.set()

    with LeaderElection(config(on_elected=work), stage.url):
        assert ended.wait(PATIENCE)
    assert len(writes) == 1


def test_term_that_its_own_work_ends_at_once_was_won(stage):
    """`win` returns each next term, also one that is over when it looks."""
    ended = SimpleQueue()

    def work(term):
        stage.lose(NAME)
        ended.put(term)

    stage.lose(NAME)
    with LeaderElection(config(on_elected=work), stage.url):
        for _ in range(3):
            term = stage.win(NAME)
            assert term is ended.get(timeout=PATIENCE)


def test_term_that_its_own_work_ends_while_it_is_looked_for_is_the_one(stage, monkeypatch):
    """Who led when `win` was called was elected, though the term ends before it returns."""
    looked, holder = threading.Event(), stage._store.holder

    def work(_):
        looked.wait(PATIENCE)
        stage.lose(NAME)

    def look(name):
        record = holder(name)
        looked.set()
        return record

    with LeaderElection(config(on_elected=work), stage.url) as election:
        term = election.wait_for_leadership(PATIENCE)
        monkeypatch.setattr(stage._store, "holder", look)
        assert stage.win(NAME) is term


def test_coroutines_are_cancelled_where_the_term_ends(stage):
    """With asyncio the test runs on the loop: what is awaited next in the work of the term is its end."""

    async def main():
        writes = []

        async def work():
            while True:
                writes.append("report")
                with stage.outage():
                    stage.advance(60)
                await asyncio.sleep(0)

        async with AsyncLeaderElection(config(), stage.url) as election:
            stage.win(NAME)
            term = await election.wait_for_leadership(PATIENCE)
            with pytest.raises(LeadershipLostError):
                await election.during(term, work())
            assert writes == ["report"]
            assert await election.wait_for_leadership(PATIENCE) is not term

    asyncio.run(main())


@pytest.mark.parametrize("waits", [False, True])
def test_coroutine_of_a_suspended_process_does_not_go_on(stage, waits):
    """P2: the loop's own clock has not counted the suspension; who would go on from an `await` is cancelled there."""
    seen = []

    async def work(term):
        try:
            seen.append("work")
            stage.clock.advance(60)
            await asyncio.sleep(0.01 if waits else 0)
            seen.append("work after the term")
        finally:
            await asyncio.sleep(0)
            seen.append("cleared up")

    async def main():
        async with AsyncLeaderElection(config(), stage.url) as election:
            stage.win(NAME)
            term = await election.wait_for_leadership(PATIENCE)
            with pytest.raises(LeadershipLostError, match="its deadline has passed"):
                await election.during(term, work(term))

    asyncio.run(main())
    assert seen == ["work", "cleared up"]


@pytest.mark.parametrize("failure", [None, KeyError("mine")])
def test_callback_that_goes_on_after_its_term_fails_the_test(monkeypatch, failure):
    """Who does not heed the end of the term is named, unless the test has failed by itself."""
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    begun, may_end = threading.Event(), threading.Event()

    def work(_):
        begun.set()
        may_end.wait(PATIENCE)

    def act():
        with Stage() as stage:
            LeaderElection(config(on_elected=work), stage.url).start()
            assert begun.wait(PATIENCE)
            if failure is not None:
                raise failure

    told = f"on_elected of '{NAME}' has not returned" if failure is None else "mine"
    with pytest.raises(AssertionError if failure is None else KeyError, match=told):
        act()
    may_end.set()


def test_who_cannot_win_is_told_why(stage, monkeypatch):
    """`win` fails in one line when nobody campaigns, and says what keeps a candidate from leading."""
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    with pytest.raises(AssertionError, match=r"nobody in this process leads 'service/reports' after .* no candidate"):
        stage.win(NAME)
    with LeaderElection(config(eligible=False), stage.url), pytest.raises(AssertionError, match="it is not eligible"):
        stage.win(NAME)


def test_observer_that_holds_up_the_engine_is_named(stage, monkeypatch):
    """A stage does not hang where an observer does, which it tells at once: it fails, and says what to look at."""
    may_end = threading.Event()

    class Blocks(ElectionObserver):
        def elected(self, event):
            may_end.wait(PATIENCE)

    with LeaderElection(config(observer=Blocks()), stage.url):
        monkeypatch.setattr(stage._inbox, "_patience", 0.1)
        with pytest.raises(AssertionError, match="an observer holds it up"):
            stage.advance(1)
        monkeypatch.undo()
        may_end.set()


def test_election_elsewhere_is_refused(stage, tmp_path):
    """An application that was not told the URL of the stage is told so, and does not campaign on a real store."""
    election = LeaderElection(config(), f"local://{tmp_path}/state")
    with pytest.raises(ConfigurationError, match=r"on a stage elections are at stage\.url: give the application that"):
        election.start()
    assert not (tmp_path / "state").exists()


def test_what_makes_no_sense_is_refused(stage):
    """Nobody leads who could hand over; time does not go back."""
    with pytest.raises(InvalidStateError, match="nobody in this process leads 'service/reports': call win"):
        stage.hand_over(NAME)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=rf"advance\({seconds}\): give a number of seconds, 0 or more"):
            stage.advance(seconds)


def test_stage_leaves_the_elections_of_the_process_alone():
    """Before and after it, elections run as ever; and those that the test has left behind have left with it."""
    before = Runner.shared()
    with LeaderElection(config(), "memory://before") as election:
        assert election.wait_for_leadership(PATIENCE)
        with Stage() as stage:
            left = LeaderElection(config(), stage.url)
            left.start()
            stage.win(NAME)
            stage.advance(3600)
        assert election.is_leader()
        assert (left.state.value, str(left.situation)) == ("follower", "it is no candidate")
        assert Runner.shared() is before
