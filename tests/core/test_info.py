"""What a leader tells of itself, so that others can find it."""

import logging
from contextlib import ExitStack
from dataclasses import replace

import pytest
from patience import PATIENCE, in_time
from stage import CAPABILITIES

from incumbent import ConfigurationError, LeaderElection, LeaderElectionConfig, read_leader, yes
from incumbent.address import shorten
from incumbent.toolkit import join_info, split_info


def config(**options):
    return LeaderElectionConfig("reports", relinquish_interval=None, **options)


def test_others_are_shown_it():
    """In the record, in what callbacks are given, and in what is known of the election; also to the leader."""
    seen, url = [], "memory://info"
    with ExitStack() as stack:
        leader = LeaderElection(config(info="http://a:1", on_leader_changed=seen.append), url)
        stack.enter_context(leader)
        leader.wait_for_leadership(PATIENCE)
        other = stack.enter_context(LeaderElection(config(info="b", on_leader_changed=seen.append), url))
        in_time(lambda: other.situation.leader is not None)
        assert read_leader(url, "reports").info == "http://a:1"
        assert other.situation.leader.info == leader.situation.leader.info == "http://a:1"
        in_time(lambda: len(seen) == 2)
        assert [record.info for record in seen] == ["http://a:1", "http://a:1"]


def test_it_counts_from_the_next_term_on():
    """What is set while it leads is not shown before it leads again; also by an elector that is made anew."""
    url = "memory://info-set"
    election = LeaderElection(config(), url)
    election.info = "one"
    with election:
        election.wait_for_leadership(PATIENCE)
        election.info = "two"
        assert (election.info, election.situation.leader.info) == ("two", "one")
        assert read_leader(url, "reports").info == "one"
        election.eligible = False
        in_time(lambda: read_leader(url, "reports").candidate is None)
        election.eligible = True
        election.wait_for_leadership(PATIENCE)
        assert read_leader(url, "reports").info == election.situation.leader.info == "two"
        assert election.info == "two"


def test_elector_that_keeps_none_is_not_told(stage, caplog):
    """Nothing is set on an elector that does not declare it, and the log says why nobody sees it."""
    with caplog.at_level(logging.WARNING):
        puppet = stage.puppet()
        election = stage.election(puppet, info="http://a:1")
    assert puppet.info is None
    assert election.situation.leader.info is None
    told = [record.getMessage() for record in caplog.records]
    assert told == ["<a of reports>: its info is not shown to others: its package is older than that"]


def test_elector_that_keeps_it_is_told(stage):
    """Before its first attempt, and again whenever it changes."""
    puppet = stage.puppet(capabilities=replace(CAPABILITIES, info=yes()))
    told = []
    puppet.answers["acquire"] = lambda: told.append(puppet.info)
    election = stage.election(puppet, info="one")
    election.info = None
    stage.advance(60)
    assert (told[0], told[-1]) == ("one", None)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ("", "info is empty: give it 1 to 255 characters"),
        ("x" * 256, f"info {shorten('x' * 256)} is longer than 255 characters"),
        ("a\nb", "info 'a\\nb' has a control or unprintable character"),
        (8080, "info must be text, not 8080"),
    ],
)
def test_what_is_no_short_text_is_refused(info, words):
    """In one line, wherever it is given; what it was stays."""
    with pytest.raises(ConfigurationError) as caught:
        config(info=info)
    assert str(caught.value) == words
    election = LeaderElection(config(info="a"), "memory://")
    with pytest.raises(ConfigurationError) as caught:
        election.info = info
    assert (str(caught.value), election.info) == (words, "a")


@pytest.mark.parametrize("info", [None, "http://a:1"])
@pytest.mark.parametrize("candidate", ["a", "", "a\nb", "a\n", "\na"])
def test_one_text_holds_both(candidate, info):
    """What was joined is split, also of an id that no engine gives; an ordinary id without an info stands alone."""
    assert split_info(join_info(candidate, info)) == (candidate, info)
    assert join_info("a", None) == "a"
    assert join_info("a", "http://a:1") == "a\nhttp://a:1"
