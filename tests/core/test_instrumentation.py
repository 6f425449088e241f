"""What observers and the log are told of a candidate, in which order, and that they can disturb nothing."""

import logging
import threading

import pytest

from incumbent import (
    BackendUnavailableError,
    ConfigurationError,
    ElectionObserver,
    LeaderElection,
    LeaderElectionConfig,
    LeaderRecord,
    Reason,
)
from incumbent.instrumentation import Called, Deposed, Elected, HandedOver, OutageBegan, OutageEnded, Renewed, Waiting


class Diary(ElectionObserver):
    """Keeps what it is told."""

    def __init__(self):
        self.events = []

    def __getattribute__(self, name):
        if name in vars(ElectionObserver) and not name.startswith("_"):
            return self.events.append
        return super().__getattribute__(name)

    def of(self, *kinds):
        """Return the events of *kinds*, in order."""
        return [event for event in self.events if isinstance(event, kinds)]


@pytest.fixture
def diary():
    return Diary()


def test_a_term_is_told_from_its_beginning_to_its_hand_over(stage, diary):
    """Elected, renewed, deposed with the reason, handed over after the callbacks' time, and then waiting."""
    puppet = stage.puppet()
    election = stage.election(puppet, observer=diary, on_deposed=lambda *_: stage.clock.advance(0.25))
    term, who = election.term, {"election": "reports", "candidate": "a"}
    stage.advance(3)
    puppet.answers["acquire"] = None
    election.relinquish()
    stage.advance(20)
    elected, renewed, deposed, handed_over, waiting = diary.of(Elected, Renewed, Deposed, HandedOver, Waiting)
    assert elected == Elected(**who, term=term)
    assert renewed == Renewed(**who, term=term, left=pytest.approx(13.85 - 2.77), late=False)
    assert deposed == Deposed(**who, term=term, reason=Reason.RELINQUISHED)
    assert handed_over == HandedOver(**who, term=term, reason=Reason.RELINQUISHED, seconds=pytest.approx(0.25))
    assert waiting == Waiting(**who, leader=LeaderRecord("reports", "b", 99))  # to whom


def test_a_renewal_is_late_with_less_than_half_of_the_term_left(stage, diary, caplog):
    """A leader whose backend was away for a while is renewed late: the observer learns how late, the log warns."""
    puppet = stage.puppet()
    election = stage.election(puppet, observer=diary)
    puppet.answers["check"] = BackendUnavailableError("connection refused")
    stage.advance(8)
    del puppet.answers["check"]
    caplog.clear()
    stage.advance(5)
    assert election.is_leader()
    first, second = diary.of(Renewed)[:2]
    assert first.late
    assert 13.85 - 10.39 < first.left < 13.85 / 2
    assert (second.left, second.late) == (pytest.approx(13.85 - 2.77), False)
    assert [record.getMessage() for record in caplog.records] == [
        f"<a of reports>: renewed late, token 1: {first.left:.1f} s were left"
    ]


@pytest.mark.parametrize("over", [True, False])
def test_a_renewal_of_a_term_that_is_over_is_none(stage, diary, caplog, over):
    """An answer that meets a hand-over, or comes when the deadline was seen to pass, is not told, nor as a late one."""
    puppet = stage.puppet()
    election = stage.election(puppet, observer=diary)
    term = election.term

    def answer():
        claim = puppet.claim()
        if over:
            term._end(Reason.RELINQUISHED)  # on another thread, in that moment; its event comes next
        else:
            term._over = True  # as a look at its deadline has left it
        return claim

    puppet.answers["check"] = answer
    stage.advance(3)
    assert puppet.calls.count("check") == 1
    assert diary.of(Renewed) == []
    assert not [record for record in caplog.records if "late" in record.getMessage()]


def test_an_outage_is_told_at_its_beginning_and_with_its_length_at_its_end(stage, diary):
    """However many calls fail in between; each of them is told with its error and its time."""
    puppet = stage.puppet()
    error = puppet.answers["acquire"] = BackendUnavailableError("connection refused")
    stage.election(puppet, observer=diary)
    stage.advance(60)
    del puppet.answers["acquire"]
    stage.advance(10)
    began, ended = diary.of(OutageBegan, OutageEnded)
    assert began.error is error
    assert ended.seconds == pytest.approx(60, abs=4)
    failed = [event for event in diary.of(Called) if event.error is error]
    assert {event.verb for event in failed} == {"acquire_leadership"}
    assert len(failed) > 10


def test_who_leads_is_told_when_it_changes(stage, diary):
    """A candidate that learns who leads tells it once for each leader, and that nobody does."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    records = [LeaderRecord("reports", *leader) for leader in (("b", 4), ("b", 4), (None, None), ("c", 5))]
    puppet.answers["observe"] = lambda: records.pop(0) if len(records) > 1 else records[0]
    stage.election(puppet, observer=diary, on_leader_changed=lambda _: None)
    stage.advance(60)
    assert [event.leader.candidate for event in diary.of(Waiting)] == ["b", None, "c"]


def test_waiting_is_told_once_where_the_leader_is_not_known(stage, diary, caplog):
    """Nothing is asked of the backend for an observer's sake."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    with caplog.at_level(logging.INFO, "incumbent"):
        stage.election(puppet, observer=diary)
        stage.advance(60)
    assert [event.leader for event in diary.of(Waiting)] == [None]
    assert set(puppet.calls) == {"acquire"}
    assert [record.getMessage() for record in caplog.records] == ["<a of reports>: waiting: another candidate leads"]


def test_every_record_of_the_log_says_election_candidate_token_and_reason(stage, caplog):
    """Programs that read logs find them as attributes, None where there is nothing to say."""
    puppet = stage.puppet()
    with caplog.at_level(logging.INFO, "incumbent"):
        election = stage.election(puppet)
        puppet.answers.update(check=None, acquire=BackendUnavailableError("connection refused"))
        stage.advance(6)
    assert not election.is_leader()
    facts = [(record.election, record.candidate, record.token, record.reason) for record in caplog.records]
    assert facts[:2] == [("reports", "a", 1, None), ("reports", "a", 1, "lost")]
    assert set(facts[2:]) == {("reports", "a", None, None)}
    assert len(facts) > 2


def test_an_observer_that_raises_is_named_once_and_changes_nothing(stage, caplog):
    """What it raises costs the election nothing; the log says once which method it was."""

    class Broken(ElectionObserver):
        def renewed(self, *_):
            raise KeyError("renewed")

    with caplog.at_level(logging.WARNING, "incumbent"):
        election = stage.election(stage.puppet(), observer=Broken())
        stage.advance(60)
    assert election.is_leader()
    assert [record.getMessage() for record in caplog.records] == [
        "<a of reports>: the observer's renewed() raised KeyError: 'renewed'"
    ]


def test_an_observer_that_blocks_holds_up_no_election():
    """It is called on a thread of its own: elections begin, end and are left while it does not return."""
    release, begun = threading.Event(), threading.Event()

    class Blocking(ElectionObserver):
        def elected(self, *_):
            begun.set()
            release.wait(60)

    try:
        for _ in range(2):
            config = LeaderElectionConfig("reports", observer=Blocking())
            with LeaderElection(config, "memory://instrumentation") as election:
                assert election.wait_for_leadership(20) is not None
                assert begun.wait(20)
    finally:
        release.set()


@pytest.mark.parametrize("given", [Diary, object(), print, "log"], ids=["class", "object", "function", "text"])
def test_only_an_observer_is_taken(given):
    """A class that was not called, or anything else, is refused when the config is built."""
    with pytest.raises(ConfigurationError, match=r"^observer .* must be an instance of an ElectionObserver$"):
        LeaderElectionConfig("reports", observer=given)
