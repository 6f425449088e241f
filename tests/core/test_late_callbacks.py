"""Callbacks that do not return: whoever waits for them is told, and the claim need not be kept for ever."""

import logging
from types import SimpleNamespace

import pytest

from incumbent import BackendRejectedError, BackendUnavailableError, InvalidStateError, LeaderRecord, State

ENDED = "has not returned: the claim of the term that ended"


class Service:
    """An application of which one callback runs for as long as the test's *meanwhile* takes, in virtual time."""

    def __init__(self, stage, caplog, name="on_elected", **options):
        self.stage, self.caplog = stage, caplog
        self.puppet = stage.puppet()
        self.ran = 0
        self.failure = None
        self.election = stage.election(self.puppet, start=False, **{name: self.run}, **options)

    def run(self, *_):
        self.ran += 1
        if self.ran == 1:
            try:
                self.meanwhile()
            except AssertionError as error:  # of the test: a callback that raises would only end the election
                self.failure = error

    def live(self, meanwhile):
        """Start, and let *meanwhile* happen while the callback runs for the first time."""
        self.meanwhile = meanwhile
        with self.caplog.at_level(logging.WARNING, "incumbent"):
            self.election.start()
            self.stage.settle()
        if self.failure is not None:
            raise self.failure
        return self

    def advance(self, seconds):
        """Let time pass while the callback goes on."""
        self.stage.advance(seconds, callbacks=False)

    @property
    def warnings(self):
        return [record.getMessage() for record in self.caplog.records if "has not returned: " in record.getMessage()]


@pytest.mark.parametrize("end", ["relinquish_interval", "relinquish", "close"])
def test_a_hand_over_that_waits_is_told(stage, caplog, end):
    """P6 stays, and somebody is told: the callback that keeps the claim is named, soon and from time to time."""
    service = Service(stage, caplog, relinquish_interval=300 if end == "relinquish_interval" else None)
    counts = []

    def serve():
        if end == "relinquish_interval":
            service.advance(300)
        else:
            getattr(service.election, end)()
        service.advance(1)
        counts.append(len(service.warnings))
        service.advance(9)
        counts.append(len(service.warnings))
        service.advance(3600)
        counts.append(len(service.warnings))
        assert "relinquish" not in service.puppet.calls

    service.live(serve)
    assert counts[0] == 0
    assert counts[1] > 0
    assert counts[1] + 3 < counts[2] < 30
    assert all(f"on_elected {ENDED}" in warning for warning in service.warnings)
    assert service.puppet.calls.count("relinquish") == 1
    stage.advance(1000)
    assert len(service.warnings) == counts[2]


def test_the_situation_names_the_callback(stage, caplog):
    """What a hand-over waits for can be asked at any time, and is gone when the callback has returned."""
    service = Service(stage, caplog, cooldown=60)
    service.puppet.answers["observe"] = LeaderRecord("reports", None, None)
    seen = []

    def serve():
        seen.append(service.election.situation)
        service.election.relinquish()
        service.advance(12)
        seen.append(service.election.situation)

    service.live(serve)
    before, waiting, after = *seen, service.election.situation
    assert (before.callback, before.waiting, str(before)) == (None, 0.0, "this candidate leads")
    assert (waiting.state, waiting.callback, waiting.waiting) == (State.FOLLOWER, "on_elected", pytest.approx(12))
    assert str(waiting) == "on_elected has not returned: the end of the last term has waited for it for 12 s"
    assert (after.callback, after.waiting, after.aside) == (None, 0.0, pytest.approx(60))
    assert str(after) == "this candidate has handed over, and stands aside for 60 s more"


def test_others_are_told_for_what_the_claim_is_kept(stage, caplog):
    """P6: whoever asks the store finds there which callback keeps the claim: from its being late until it returns."""
    service = Service(stage, caplog)
    told, asked = stage.puppet(lock_id="reports.notice"), []
    told.answers.update(check=InvalidStateError("nothing is held"), acquire=BackendUnavailableError("refused"))
    backend = SimpleNamespace(elector=lambda *what: asked.append(what) or told, close=lambda: None)
    service.election._backend = backend

    def serve():
        service.election.relinquish()
        service.advance(4)
        assert asked == []
        service.advance(2)
        assert asked == [("reports.notice", "term=1&callback=on_elected")]
        assert told.calls == ["check", "observe", "acquire"]
        told.answers.clear()
        told.calls.clear()
        service.advance(600)
        assert set(told.calls) == {"check"}
        assert len(asked) == 1
        assert not told.closed

    service.live(serve)
    assert told.closed


def test_nobody_is_told_of_a_claim_that_was_lost(stage, caplog):
    """What is told is true: when the claim is gone, though the callback runs on, others are told nothing."""
    service = Service(stage, caplog)
    told = stage.puppet(lock_id="reports.notice")
    service.election._backend = SimpleNamespace(elector=lambda *_: told, close=lambda: None)

    def serve():
        service.election.relinquish()
        service.advance(6)
        service.puppet.answers["check"] = None
        service.advance(60)
        assert told.closed
        calls = len(told.calls)
        service.advance(600)
        assert len(told.calls) == calls

    service.live(serve)


@pytest.mark.parametrize("name", ["leader_callback", "on_deposed", "follower_callback", "on_leader_changed"])
def test_whichever_callback_it_is_is_named(stage, caplog, name):
    """Each of the callbacks can keep a claim."""
    service = Service(stage, caplog, name)

    def serve():
        if service.election.is_leader():
            service.election.relinquish()
        service.advance(6)

    service.meanwhile = serve
    with caplog.at_level(logging.WARNING, "incumbent"):
        service.election.start()
        stage.settle()
        if name in ("on_deposed", "follower_callback"):
            service.election.relinquish()
            stage.settle()
    assert [f"{name} {ENDED}" in warning for warning in service.warnings] == [True]


def test_callbacks_that_return_in_time_are_not_spoken_of(stage, caplog):
    """A hand-over of some seconds is an ordinary one."""
    service = Service(stage, caplog)
    service.live(lambda: (service.election.relinquish(), service.advance(4)))
    stage.advance(600)
    assert service.warnings == []


def test_a_candidate_that_cannot_campaign_says_so(stage, caplog):
    """P7: after a loss the callbacks are waited for as well, and then it is this candidate that is missing."""
    service = Service(stage, caplog)

    def serve():
        service.puppet.answers["check"] = None
        service.advance(20)
        service.puppet.answers.clear()

    service.live(serve)
    assert service.warnings
    assert all("on_elected has not returned: this candidate, whose term ended" in w for w in service.warnings)
    assert service.election.term.token == 2


def test_a_term_that_is_not_announced_is_told(stage, caplog):
    """A follower callback that does not return keeps a leader from working: it is named, and so is what it costs."""
    service = Service(stage, caplog, "follower_callback")
    service.puppet.answers["acquire"] = None
    seen = []

    def serve():
        service.puppet.answers.clear()
        service.advance(15)
        seen.append(service.election.situation)

    service.live(serve)
    assert service.warnings
    assert all("follower_callback has not returned: the term that began" in warning for warning in service.warnings)
    assert (seen[0].state, seen[0].callback) == (State.LEADER, "follower_callback")
    assert "the term that has begun has waited for it" in str(seen[0])
    assert stage.heard == [("elected", 1)]
    stage.advance(3600)
    assert len(service.warnings) < 3


def test_a_callback_that_gets_no_thread_is_told_as_well(stage, caplog):
    """Where the system has no thread to give, no callback is to blame, and the hand-over waits all the same."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    with caplog.at_level(logging.WARNING, "incumbent"):
        election.relinquish()
        stage.advance(6, callbacks=False)
    assert f"a callback that the system gives no thread {ENDED}" in caplog.text


# ---------------------------------------------------------------- with a limit


def test_with_a_limit_the_claim_is_given_up_all_the_same(stage, caplog):
    """`handover_timeout`: then another can lead; who still works in an old term does not campaign until it is done."""
    service = Service(stage, caplog, handover_timeout=30, cooldown=0)

    def serve():
        service.election.relinquish()
        service.advance(29)
        assert "relinquish" not in service.puppet.calls
        service.advance(2)
        assert service.puppet.calls.count("relinquish") == 1
        service.advance(1000)
        assert service.election.situation.callback == "on_elected"

    service.live(serve)
    assert f"on_elected {ENDED}" in service.warnings[0]
    assert "on_elected has not returned: this candidate, whose term ended" in service.warnings[-1]
    assert service.puppet.calls.count("relinquish") == 1
    assert [call for call in service.puppet.calls if call == "acquire"] == ["acquire"] * 2
    assert service.election.term.token == 2


def test_a_limit_holds_for_each_term_anew(stage, caplog):
    """The limit is counted from the end of the term that it is for."""
    service = Service(stage, caplog, handover_timeout=30, cooldown=0)
    service.live(lambda: (service.election.relinquish(), service.advance(20)))
    service.ran = 0
    service.meanwhile = lambda: (service.election.relinquish(), service.advance(25))
    service.election.relinquish()
    stage.settle()
    assert service.election.term.token == 4
    assert not [warning for warning in service.warnings if "whose term ended" in warning]


def test_a_limit_waits_for_the_call_that_is_out(stage, caplog):
    """P10: a check that hangs is not overtaken; its answer is followed by the relinquishing."""
    service = Service(stage, caplog, handover_timeout=10)

    def serve():
        service.election.relinquish()
        stage.advance(60, calls=False, callbacks=False)
        assert len(stage.calls.jobs) == 1
        service.advance(1)

    service.live(serve)
    assert service.puppet.calls[:3] == ["acquire", "check", "relinquish"]


def test_a_limit_and_a_backend_that_fails(stage, caplog):
    """P4: giving up is tried until it is answered, also when the callback has returned meanwhile."""
    service = Service(stage, caplog, handover_timeout=10, cooldown=0)
    service.puppet.answers["relinquish"] = BackendUnavailableError("down")
    service.live(lambda: (service.election.relinquish(), service.advance(40)))
    stage.advance(20)
    assert service.puppet.calls.count("acquire") == 1
    service.puppet.answers.clear()
    stage.advance(10)
    assert service.election.term.token == 2


def test_a_limit_and_a_backend_that_refuses(stage, caplog):
    """P7: the error ends the run when the callback has returned, and is not asked for again."""
    service = Service(stage, caplog, handover_timeout=10)
    service.puppet.answers["relinquish"] = BackendRejectedError("no right")
    service.live(lambda: (service.election.relinquish(), service.advance(40)))
    assert service.puppet.calls.count("relinquish") == 1
    assert service.puppet.closed == 1
    with pytest.raises(BackendRejectedError, match="no right"):
        service.election.wait_for_leadership(0)
    assert str(service.election.situation) == "the election has ended: no right"


@pytest.mark.parametrize("answers", [True, BackendUnavailableError("down")])
def test_a_limit_and_a_close(stage, caplog, answers):
    """P8: a closed election gives its claim up at the limit; its elector is closed when the callback has returned."""
    service = Service(stage, caplog, handover_timeout=30, close_timeout=5)
    service.puppet.answers["relinquish"] = answers

    def serve():
        service.election.close()
        service.advance(31)
        assert "relinquish" in service.puppet.calls
        assert service.puppet.closed == 0

    service.live(serve)
    assert service.puppet.closed == 1
    assert stage.runner._candidates == set()
