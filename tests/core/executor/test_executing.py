"""What is asked for in a configuration, and what an executor does with a store that does not answer."""

import logging
import sys

import pytest
from oneline import assert_one_line

from incumbent import (
    Address,
    BackendRejectedError,
    BackendSettings,
    BackendUnavailableError,
    ConfigurationError,
    LeaderElection,
    LeaderElectionConfig,
)
from incumbent.executor import executing, will
from incumbent.executor.executing import execute

CONFIG = LeaderElectionConfig(lock_id="job", relinquish_on_crash=True)


class Store:
    """A backend that answers with what it is given, and notes what it is asked."""

    def __init__(self, *answers):
        self.answers, self.asked, self.is_closed = list(answers), [], False

    def execute(self, lock_id, testament):
        self.asked.append((lock_id, testament))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.is_closed = True


def executed(monkeypatch, store, *terms, ttl=60.0):
    monkeypatch.setattr(executing, "open_backend", lambda *_: store)
    monkeypatch.setattr(executing, "PAUSE", 0.0)
    execute(Address.parse("store://"), BackendSettings(ttl, 1.0), terms)
    return store.asked


def test_store_that_does_not_answer_is_asked_again(monkeypatch):
    """P11: a testament whose execution has no answer is executed again, which is harmless, and then the next one."""
    store = Store(BackendUnavailableError("no answer"), False, True)
    assert executed(monkeypatch, store, ("a", "1"), ("b", "2")) == [("a", "1"), ("a", "1"), ("b", "2")]
    assert store.is_closed


def test_store_that_refuses_is_not_asked_again(monkeypatch):
    """A refusal is final, for that term; nothing is raised."""
    store = Store(BackendRejectedError("no right"), True)
    assert executed(monkeypatch, store, ("a", "1"), ("b", "2")) == [("a", "1"), ("b", "2")]


def test_executor_does_not_outlive_the_claim(monkeypatch):
    """P10: after a ttl the claim has ended by itself, and nobody asks any more."""
    assert executed(monkeypatch, Store(), ("a", "1"), ttl=0.0) == []


def test_elector_that_was_handed_in_cannot_be_executed(stage):
    """Another process has to open the backend, and needs a URL for that."""
    with pytest.raises(ConfigurationError) as caught:
        LeaderElection(CONFIG, stage.puppet(lock_id="job"), runner=stage.runner)
    assert "relinquish_on_crash" in assert_one_line(caught.value)


def test_frozen_application_has_no_executor(monkeypatch):
    """There is no Python to run it with, which is said when the election is made."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(ConfigurationError) as caught:
        LeaderElection(CONFIG, "memory://")
    assert "relinquish_on_crash" in assert_one_line(caught.value)


def test_elector_without_testaments_says_so(caplog):
    """P7: An election is held all the same, and the log tells that a crash costs what it did."""
    with caplog.at_level(logging.WARNING), LeaderElection(CONFIG, "memory://executor") as election:
        assert election.wait_for_leadership(60) is not None
    assert [record.getMessage() for record in caplog.records if "relinquish_on_crash" in record.getMessage()]


def test_election_begins_without_an_executor(monkeypatch, caplog):
    """P7: Where no process is to be had, an election begins all the same, and the log tells what a crash costs."""

    def no_process(*_, **__):
        raise OSError("no process is left")

    monkeypatch.setattr(will.subprocess, "Popen", no_process)
    left = will.Will(Address.parse("store://"), BackendSettings(15.0, 1.0), "job")
    left.leave("nobody")
    assert left.descriptors == ()
    assert left.end(0.0)
    assert ["no process is left" in record.getMessage() for record in caplog.records] == [True]


def test_switch_is_a_switch():
    """What is neither True nor False is refused in one line."""
    with pytest.raises(ConfigurationError) as caught:
        LeaderElectionConfig(lock_id="job", relinquish_on_crash="yes")
    assert "relinquish_on_crash 'yes'" in assert_one_line(caught.value)
