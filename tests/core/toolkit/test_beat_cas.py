"""The beat protocol on whatever keeps bytes with a version."""

from __future__ import annotations

import json

import pytest
from beat_stage import TTL, FewBytes, Stage

from incumbent import BackendRejectedError, BackendUnavailableError


@pytest.fixture
def stage():
    return Stage(lambda _: FewBytes())


def kept(stage):
    return json.loads(stage.store.kept["job"][0])


def test_one_leads_and_another_succeeds_it(stage):
    """P1, P4: with compare and set alone: by a hand-over at once, after a silence of a ttl, and with growing tokens."""
    a, b = stage.elector("a"), stage.elector("b")
    first = a.acquire_leadership()
    assert b.acquire_leadership() is None
    assert a.relinquish_leadership()
    second = b.acquire_leadership()
    assert a.acquire_leadership() is None
    stage.clock.advance(TTL)
    third = a.acquire_leadership()
    assert first.token < second.token < third.token
    assert b.check_leadership() is None


def test_tokens_grow_whatever_the_clock_says(stage, monkeypatch):
    """P4: the last token is kept when nobody leads, should the wall clock of the next leader be behind."""
    monkeypatch.setattr(stage.store, "draw", lambda: 5)
    a = stage.elector("a")
    tokens = []
    for _ in range(3):
        tokens.append(a.acquire_leadership().token)
        a.relinquish_leadership()
    assert tokens == [5, 6, 7]
    assert kept(stage)["owner"] == ""


def test_each_write_has_a_beat_that_never_comes_again(stage):
    """P1: also on a store that has come back with older data."""
    a = stage.elector("a")
    beats = set()
    for number in range(10):
        a.acquire_leadership()
        beats.add(kept(stage)["beat"])
        assert len(beats) == number + 1


def test_two_writes_at_once_are_one(stage):
    """P1: who puts its record a moment too late is not elected."""
    a, b = stage.elector("a"), stage.elector("b")
    stage.store.before = b.acquire_leadership
    assert a.acquire_leadership() is None
    assert kept(stage)["candidate"] == "b"


def test_late_renewal_of_ones_own_is_no_loss(stage):
    """P7: one that had no answer, and comes between the look and the write, leaves the claim where it is."""
    a = stage.elector("a")
    a.acquire_leadership()
    stage.store.before = lambda: stage.store._change("job", a.owner, is_kept=True)
    assert a.check_leadership() is not None
    stage.store.before = lambda: stage.store._change("job", a.owner, is_kept=True)
    assert a.relinquish_leadership()


def test_record_that_changes_at_every_try_is_an_unknown_outcome(stage):
    """Rule 1: it is compared and set a few times, and not for ever."""
    a = stage.elector("a")
    a.acquire_leadership()
    stage.store.put = lambda *_: False
    with pytest.raises(BackendUnavailableError):
        a.check_leadership()


def test_unanswered_write_is_recognised(stage):
    """P4, P7: the record that an attempt without an answer has written is the next one's, which has a new token."""
    a = stage.elector("a")

    def lost():
        raise BackendUnavailableError("the answer was lost")

    stage.store.after = lost
    with pytest.raises(BackendUnavailableError):
        a.acquire_leadership()
    token = kept(stage)["token"]
    assert a.acquire_leadership().token == kept(stage)["token"] > token


def test_unanswered_write_that_comes_after_a_deletion_brings_no_old_token(stage, monkeypatch):
    """P4: who has led since, and was deleted, is not in the store any more: only a token drawn now is greater."""
    a, b = stage.elector("a"), stage.elector("b")
    puts = []

    def late(lock_id, content, version):
        puts.append((lock_id, content, version))
        raise BackendUnavailableError("no answer yet")

    with monkeypatch.context() as patch:
        patch.setattr(stage.store, "put", late)
        with pytest.raises(BackendUnavailableError):
            a.acquire_leadership()
    token = b.acquire_leadership().token
    stage.store.kept.clear()
    assert stage.store.put(*puts[0])
    assert kept(stage)["owner"] == a.owner
    assert a.acquire_leadership().token > token


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"theirs",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"owner": "x"}',
        b"[" * 100_000,
        b'{"owner": 1, "candidate": "a", "token": 1, "ttl": 1, "since": 1, "beat": "x", "renewed": 1}',
        b'{"owner": "", "candidate": "a", "token": 0, "ttl": 1, "since": 1, "beat": "x", "renewed": 1}',
        b'{"owner": "", "candidate": "a", "token": true, "ttl": 1, "since": 1, "beat": "x", "renewed": 1}',
        b'{"owner": "", "candidate": "a", "token": 1, "ttl": NaN, "since": 1, "beat": "x", "renewed": 1}',
        b'{"owner": "", "candidate": "a", "token": 1, "ttl": -1, "since": 1, "beat": "x", "renewed": 1}',
        b'{"owner": "", "candidate": "a", "token": 1, "ttl": 1, "since": null, "beat": "x", "renewed": 1}',
    ],
    ids=range(13),
)
def test_something_else_is_refused_and_left_alone(stage, content):
    """Rule 2: what we have not written is told of in one line, and is not overwritten."""
    stage.store.kept["job"] = content, "7"
    a = stage.elector("a")
    for verb in (a.acquire_leadership, a.observe_leadership):
        with pytest.raises(BackendRejectedError, match="something else") as caught:
            verb()
        assert len(str(caught.value).splitlines()) == 1
    a.close()
    assert stage.store.kept["job"] == (content, "7")


def test_leader_that_died_is_not_shown_for_ever(stage, monkeypatch):
    """P1: who asks once is not shown a leader that renewed longer than a ttl ago, as the two wall clocks have it."""
    stage.elector("a").acquire_leadership()
    watching = stage.elector("o")
    assert watching.observe_leadership().candidate == "a"
    fields = kept(stage)
    stage.store.kept["job"] = json.dumps({**fields, "renewed": fields["renewed"] - 2 * TTL}).encode(), "7"
    assert watching.observe_leadership().candidate is None
