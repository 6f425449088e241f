"""Who may ask for what: the same on every store that can keep it apart. Plugins' tests inherit it."""

from __future__ import annotations

import contextlib
import logging
import threading

import pytest
from patience import PATIENCE, in_time
from steered import Serving

from incumbent import BackendRejectedError, LeaderElection, LeaderElectionConfig, open_backend, read_leader
from incumbent.cli import main
from incumbent.elector import BackendSettings
from incumbent.engine.attendant import Attendant
from incumbent.steer import Result, hand_over, paused

NAME = "job"
#: Nobody means to end these claims, and requests are answered.
LASTING = {"ttl": 30.0, "request_timeout": 5.0, "relinquish_interval": None, "steering": True}


class Rights:
    """
    Tests for a subclass with the fixture `urls`, for each kind of user one; what they may is about the election `job`.

    candidate
        may lead, and read requests.
    deaf
        may lead, and not even read them.
    operator
        may see who leads, and ask.
    """

    #: Whether the store says so if somebody reads what it may not; else there seem to be no requests.
    refuses = True

    @pytest.fixture
    def elections(self, urls):
        """Return a function that has candidates take part as that kind of user, the first of which leads."""
        with contextlib.ExitStack() as stack:

            def start(kind, *ids):
                made = []
                for candidate in ids:
                    config = LeaderElectionConfig(NAME, candidate=candidate, **LASTING)
                    made.append(stack.enter_context(LeaderElection(config, urls[kind])))
                    if len(made) == 1:
                        assert made[0].wait_for_leadership(PATIENCE) is not None
                    else:
                        in_time(made[-1].is_follower)
                return made

            yield start

    def test_operator_asks_and_does_not_lead(self, urls, elections):
        """Who may only ask has the leader hand over, and holds a pause; a candidate it cannot be."""
        a, b = elections("candidate", "a", "b")
        outcome = hand_over(urls["operator"], NAME, to="b", timeout=PATIENCE, request_timeout=20.0)
        assert (outcome.result, outcome.leader, outcome.problem) == (Result.DONE, "b", None)
        in_time(b.is_leader)
        with paused(urls["operator"], NAME):
            in_time(lambda: a.situation.aside_for == "the election is paused")
            assert b.is_leader()
        a.close()
        b.close()  # else who waits for its turn would learn no more
        backend = open_backend(urls["operator"], BackendSettings(30.0, 20.0))
        with contextlib.closing(backend), pytest.raises(BackendRejectedError):
            backend.elector(NAME, "operator").acquire_leadership()

    @pytest.mark.parametrize("command", ["relinquish", "pause"])
    def test_who_may_not_ask_is_refused(self, urls, elections, command, capsys):
        """Rule 2: a candidate that only reads requests is told so in one line, the code is 1, and nothing changes."""
        (a,) = elections("candidate", "a")
        assert main([command, "--elector", urls["candidate"], "--name", NAME]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert captured.err.startswith("incumbent: ")
        assert read_leader(urls["candidate"], NAME, request_timeout=20.0).candidate == "a"
        assert a.is_leader()

    def test_preferred_one_that_may_not_ask_follows(self, urls, elections, caplog):
        """It says so once, and who leads goes on."""
        (a,) = elections("candidate", "a")
        config = LeaderElectionConfig(NAME, candidate="b", preference=100, min_term=0.1, **LASTING)
        with LeaderElection(config, urls["candidate"]) as preferred:
            in_time(lambda: any("may not ask for the office: " in record.getMessage() for record in caplog.records))
            assert preferred.is_follower()
            assert a.is_leader()
        assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1

    def test_hand_over_that_may_not_be_shown_waits_all_the_same(self, urls, monkeypatch, caplog):
        """P6: who may not write for which callback it keeps its claim keeps it, and has no more to say of that."""
        monkeypatch.setattr("incumbent.engine.life.CALLBACK_PATIENCE", 0.1)
        serving, told = Serving(), threading.Event()
        config = LeaderElectionConfig(NAME, candidate="a", on_elected=serving, **LASTING)
        with LeaderElection(config, urls["candidate"]) as election, contextlib.ExitStack() as stack:
            stack.callback(serving.returned.set)
            token = election.wait_for_leadership(PATIENCE).token
            assert serving.called.wait(PATIENCE)
            monkeypatch.setattr(Attendant, "_tell_others", spied(Attendant._tell_others, told))
            election.relinquish()
            assert told.wait(PATIENCE)
            assert read_leader(urls["operator"], NAME, request_timeout=20.0).token == token
            serving.returned.set()
            assert in_time(lambda: (term := election.term) is not None and term.token > token)
        assert [record for record in caplog.records if "late" in record.getMessage()] == []

    def test_candidate_that_may_not_read_requests_heeds_none(self, urls, elections, caplog):
        """It leads all the same, says so once, and who asks learns why nothing comes of it."""
        with caplog.at_level(logging.INFO, "incumbent"):
            (a,) = elections("deaf", "a")
            if self.refuses:
                in_time(lambda: any("not heeded" in record.getMessage() for record in caplog.records))
            term = a.term
            for _ in range(3):
                a._candidacy.control.notify()  # as if there were news: it looks again
            outcome = hand_over(urls["operator"], NAME, timeout=5.0, request_timeout=20.0)
        assert outcome.result is Result.LATE
        assert "heeds no requests" in outcome.problem
        assert term.is_valid()
        told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(told) == self.refuses
        for line in told:
            assert "requests of operators are not heeded, for they cannot be read: " in line
            assert len(line.splitlines()) == 1


def spied(method, done):
    """Return *method*, which sets *done* when it has returned."""

    def spy(*arguments):
        method(*arguments)
        done.set()

    return spy
