"""The elector on stores that can compare and set, on a clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from beat_stage import TTL, SharingStore, Stage

from incumbent import BackendRejectedError, BackendUnavailableError, InvalidStateError, yes
from incumbent.toolkit import Record


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def sharing():
    return Stage(SharingStore)


# ---------------------------------------------------------------- what the leader tells


def test_what_the_leader_tells_stands_behind_its_id(stage):
    """What a backend declares that has a store of bytes or rows: the store keeps one text, the record has two."""
    a, b = stage.elector("a"), stage.elector("b")
    a.capabilities = replace(a.capabilities, info=yes())
    a.info = "http://a:1"
    a.acquire_leadership()
    assert stage.store.records["job"].candidate == "a\nhttp://a:1"
    record = b.observe_leadership()
    assert (record.candidate, record.info) == ("a", "http://a:1")


def test_what_is_not_declared_is_not_kept(stage):
    """A backend that was written before there was such a thing is given ids, and nothing else."""
    a = stage.elector("a")
    a.info = "http://a:1"
    a.acquire_leadership()
    assert stage.store.records["job"].candidate == "a"
    assert a.observe_leadership().info is None


# ---------------------------------------------------------------- silence


def test_leader_is_succeeded_after_a_ttl_of_silence(stage):
    """P1: who waits counts a ttl on its own clock, from when it first saw the beat that the leader still has."""
    a, b = stage.elector("a"), stage.elector("b")
    first = a.acquire_leadership()
    stage.clock.advance(3.0)
    assert b.acquire_leadership() is None
    stage.clock.advance(TTL - 0.01)
    assert b.acquire_leadership() is None
    stage.clock.advance(0.01)
    second = b.acquire_leadership()
    assert second.token > first.token
    assert a.check_leadership() is None


def test_each_renewal_is_seen(stage):
    """P1: a leader that renews is never succeeded, however long somebody waits."""
    a, b = stage.elector("a"), stage.elector("b")
    a.acquire_leadership()
    for _ in range(10):
        assert b.acquire_leadership() is None
        assert b.acquire_leadership() is None  # which has seen the beat that is there now
        stage.clock.advance(TTL * 0.9)
        assert a.check_leadership() is not None
    assert b.acquire_leadership() is None


def test_renewal_in_the_last_moment_saves_the_leader(stage):
    """P1: silence for a ttl is worth nothing if there was a renewal since it was looked at last."""
    a, b = stage.elector("a"), stage.elector("b")
    a.acquire_leadership()
    b.acquire_leadership()
    stage.clock.advance(TTL)
    assert a.check_leadership() is not None
    assert b.acquire_leadership() is None
    assert a.check_leadership() is not None


def test_sight_counts_from_when_the_answer_is_there(stage):
    """P1: what is read may be older than the answer, never newer: silence begins with the answer."""
    a, b = stage.elector("a"), stage.elector("b")
    a.acquire_leadership()
    stage.store.takes = 4.0
    assert b.acquire_leadership() is None
    stage.store.takes = 0.0
    stage.clock.advance(TTL - 0.01)
    assert b.acquire_leadership() is None


def test_nobodys_record_is_waited_for(stage):
    """P1: a store that may have forgotten a claim shows a record of nobody, and elects nobody for its ttl."""
    stage.store.records["job"] = Record("", "0", TTL)
    a = stage.elector("a")
    assert a.acquire_leadership() is None
    assert a.observe_leadership().candidate is None
    stage.clock.advance(TTL)
    assert a.acquire_leadership() is not None


# ---------------------------------------------------------------- what a claim says


def test_claim_and_renewal_count_from_before_the_request(stage):
    """P2: *sent* is the clock before the request, however long the answer takes."""
    a = stage.elector("a")
    stage.store.takes = 2.0
    before = stage.clock.now()
    claim = a.acquire_leadership()
    assert (claim.sent, claim.guarantee) == (before, TTL)
    before = stage.clock.now()
    renewed = a.check_leadership()
    assert (renewed.sent, renewed.token) == (before, claim.token)


def test_acquiring_as_the_leader_renews(stage):
    """P4: it is the same term, and its claim has another beat."""
    a = stage.elector("a")
    claim = a.acquire_leadership()
    beat = stage.store.records["job"].beat
    assert a.acquire_leadership().token == claim.token
    assert stage.store.records["job"].beat != beat


def test_each_term_has_a_name_of_its_own(stage):
    """P1: what is late on the wire and names one term can touch no other, not even of the same elector."""
    a = stage.elector("a")
    a.acquire_leadership()
    first = a.owner
    assert a.relinquish_leadership()
    a.acquire_leadership()
    assert a.owner != first
    assert not stage.store.release("job", first)
    stage.store.records.clear()
    assert a.check_leadership() is None
    a.acquire_leadership()
    assert len({first, a.owner}) == 2


# ---------------------------------------------------------------- answers that are lost


def test_unanswered_attempt_is_recognised(stage):
    """P4, P7: the claim that it made is continued by the next attempt, with its token, counted from that one."""
    a, b = stage.elector("a"), stage.elector("b")
    stage.store.loses = True
    with pytest.raises(BackendUnavailableError):
        a.acquire_leadership()
    stage.store.loses = False
    assert b.acquire_leadership() is None
    stage.clock.advance(1.0)
    claim = a.acquire_leadership()
    assert (claim.token, claim.sent) == (1, stage.clock.now())


@pytest.mark.parametrize("next_attempt", ["none", "in vain"])
def test_closing_takes_back_what_an_unanswered_attempt_left(stage, next_attempt):
    """P8: whatever the attempts after it have brought."""
    a, b = stage.elector("a"), stage.elector("b")
    if next_attempt == "in vain":
        b.acquire_leadership()
        stage.store.drops = True
    else:
        stage.store.loses = True
    with pytest.raises(BackendUnavailableError):
        a.acquire_leadership()
    stage.store.drops = stage.store.loses = False
    if next_attempt == "in vain":
        assert a.acquire_leadership() is None
        b.close()
        stage.store.claim("job", a.owner, "a", None)  # it arrives
    a.close()
    assert stage.store.records == {}


def test_claim_that_comes_while_closing_is_given_up(stage):
    """P8: an attempt that is out when `close` comes takes its claim back itself."""
    a = stage.elector("a")
    claim = stage.store.claim

    def overtaken(*values):
        a.close()
        return claim(*values)

    stage.store.claim = overtaken
    assert a.acquire_leadership() is None
    assert stage.store.records == {}
    assert a._beats.lock_ids() == []


def test_unanswered_relinquishing_is_asked_again(stage):
    """P7: until it is answered the claim is regarded as held; who has it by then is not touched."""
    a, b = stage.elector("a"), stage.elector("b")
    a.acquire_leadership()
    stage.store.loses = True
    with pytest.raises(BackendUnavailableError):
        a.relinquish_leadership()
    stage.store.loses = False
    assert b.acquire_leadership() is not None
    assert a.relinquish_leadership() is False
    assert b.check_leadership() is not None


def test_unanswered_renewal_keeps_the_claim(stage):
    """P7: whether it was renewed or not, the next check says."""
    a = stage.elector("a")
    claim = a.acquire_leadership()
    stage.store.loses = True
    with pytest.raises(BackendUnavailableError):
        a.check_leadership()
    stage.store.loses = False
    assert a.check_leadership().token == claim.token


def test_without_a_claim_there_is_nothing_to_check(stage):
    """Rule 2: checking and relinquishing are refused before an election, and after a loss."""
    a = stage.elector("a")
    for verb in (a.check_leadership, a.relinquish_leadership):
        with pytest.raises(InvalidStateError):
            verb()
    a.acquire_leadership()
    stage.store.records.clear()
    assert a.check_leadership() is None
    with pytest.raises(InvalidStateError):
        a.check_leadership()


# ---------------------------------------------------------------- news


def test_look_tells_who_waits_on_time(stage):
    """P7: a claim that ends by silence is looked at when it does, and told."""
    a, b = stage.elector("a"), stage.elector("b")
    a.acquire_leadership()
    b.acquire_leadership()
    waited = 0.0
    while not b.news:
        pause = b._beats.look()
        waited += pause
        stage.clock.advance(pause)
    assert waited <= TTL + 1e-6 + b._beats.interval
    assert b.acquire_leadership() is not None


def test_look_tells_a_leader_of_its_loss(stage):
    """P1: that its record was deleted, or is another's; and the next check is a renewal that knows of it."""
    a = stage.elector("a")
    a.acquire_leadership()
    a._beats.look()
    assert a.news == 0
    stage.store.records.clear()
    a._beats.look()
    assert a.news == 1
    assert a.check_leadership() is None


def test_look_tells_who_observes_of_each_change(stage):
    """P7: an election, an end, and a leader that has been silent for its ttl; nothing else."""
    a, watching = stage.elector("a"), stage.elector("o")
    assert watching.observe_leadership().candidate is None
    seen = []
    for step in (a.acquire_leadership, a.check_leadership, a.relinquish_leadership, a.acquire_leadership):
        step()
        before = watching.news
        watching._beats.look()
        seen.append(watching.news - before)
    assert seen == [1, 0, 1, 1]
    assert watching.observe_leadership().token == 2
    stage.clock.advance(TTL)
    watching._beats.look()
    assert watching.observe_leadership().candidate is None
    assert watching.news == 4


def test_news_are_told_to_those_whom_they_concern(stage):
    """P7: of an end to who waits, of somebody else's doing to who leads; of its own doing to nobody but observers."""
    backend = stage.backend()
    a, b, watching = (backend.elector("job", who) for who in "abo")
    told = []
    for elector in (a, b, watching):
        elector.notify = lambda who=elector.candidate: told.append(who)
    a.acquire_leadership()
    b.acquire_leadership()
    watching.observe_leadership()

    def hear(**news):
        told.clear()
        backend.beats.tell("job", **news)
        return "".join(told)

    assert hear(is_free=False, owner=a.owner) == "o"
    assert hear(is_free=True, owner="somebody") == "abo"
    assert hear(is_free=False, owner="somebody") == "ao"
    assert hear(is_free=True) == "bo"
    assert hear(is_free=False) == "o"
    backend.beats.tell("another", is_free=True)


def test_who_campaigns_again_observes_no_more(stage):
    """P7: who has once looked who leads is not woken by each election for ever, but by what it can win."""
    backend = stage.backend()
    a, b = backend.elector("job", "a"), backend.elector("job", "b")
    a.acquire_leadership()
    b.observe_leadership()
    b.acquire_leadership()
    b.notify = lambda: told.append(is_free)
    told = []
    for is_free in (False, True):
        backend.beats.tell("job", is_free=is_free)
    assert told == [True]
    b.observe_leadership()
    backend.beats.tell("job", is_free=(is_free := False))
    assert told == [True, False]


def test_record_that_is_refused_harms_its_own_election_only(stage):
    """P7: others of the backend are looked at all the same."""
    backend = stage.backend()
    bad, good = backend.elector("bad", "a"), backend.elector("good", "b")
    for elector in (bad, good):
        elector.acquire_leadership()
    read, told = stage.store.read, []
    good.notify = lambda: told.append("good")

    def refusing(lock_ids):
        if "bad" in lock_ids:
            raise BackendRejectedError("something else")
        return read(lock_ids)

    stage.store.read = refusing
    del stage.store.records["good"]
    with pytest.raises(BackendRejectedError):
        backend.beats.look()
    assert told == ["good"]


def test_who_has_left_is_not_looked_for(stage):
    """P8: its election is read no more, and what was seen of it is forgotten."""
    a, b = stage.elector("a"), stage.elector("b")
    a.acquire_leadership()
    assert b.acquire_leadership() is None
    b.close()
    assert b._beats.look() is None
    stage.clock.advance(3 * TTL)
    b._beats.look()
    assert b._beats.sightings._seen == {}


# ---------------------------------------------------------------- many elections


def test_one_request_renews_many(sharing):
    """A thousand elections of a process cost as many requests as one, where the store takes many at once."""
    backend = sharing.backend()
    electors = [backend.elector(f"job/{number}", "a") for number in range(100)]
    assert all(elector.acquire_leadership() for elector in electors)
    sharing.clock.advance(TTL / 6)
    sharing.store.asked.clear()
    claims = [elector.check_leadership() for elector in electors]
    assert {claim.sent for claim in claims} == {sharing.clock.now()}
    assert sharing.store.asked == ["renew"]
    backend.beats.look()
    assert sharing.store.asked == ["renew", "read"]


def test_each_check_is_a_renewal_for_who_is_alone(sharing):
    """P2: nobody is answered by the renewal that it was told of before."""
    a = sharing.elector("a")
    claim = a.acquire_leadership()
    for _ in range(3):
        sharing.clock.advance(0.1)
        sent, claim = claim.sent, a.check_leadership()
        assert claim.sent > sent
    assert sharing.store.asked == ["claim", "renew", "renew", "renew"]


def test_claim_whose_engine_is_silent_is_not_renewed_with_others(sharing):
    """P7: it is to end, though others of the backend are renewed all the time."""
    backend, rival = sharing.backend(), sharing.elector("b")
    silent, busy = backend.elector("job", "a"), backend.elector("other", "a")
    silent.acquire_leadership()
    busy.acquire_leadership()
    for _ in range(20):
        sharing.clock.advance(TTL / 5)
        assert busy.check_leadership() is not None
        if rival.acquire_leadership() is not None:
            return
    raise AssertionError("it was renewed for ever")


def test_news_of_a_loss_are_not_answered_by_an_older_renewal(sharing):
    """P1: what was seen after a renewal was sent, that renewal cannot deny."""
    backend = sharing.backend()
    a, other = backend.elector("job", "a"), backend.elector("other", "a")
    a.acquire_leadership()
    other.acquire_leadership()
    a.check_leadership()
    sharing.clock.advance(TTL / 5)
    other.check_leadership()  # which renews the first as well
    assert sharing.store.asked[-1] == "renew"
    sharing.store.records.pop("job")
    sharing.clock.advance(0.01)
    backend.beats.look()
    assert a.check_leadership() is None


def test_store_that_takes_one_at_a_time_is_asked_for_each(stage):
    """P10: where a request renews and reads one election, nobody waits for those of others."""
    backend = stage.backend()
    electors = [backend.elector(f"job/{number}", "a") for number in range(3)]
    for elector in electors:
        elector.acquire_leadership()
    stage.store.asked.clear()
    for elector in electors:
        elector.check_leadership()
    backend.beats.look()
    assert stage.store.asked == 3 * ["renew"] + 3 * ["read"]


def test_holder_is_silent_for_all_of_its_elections(stage):
    """P1: where one beat is for many records, whoever has waited for one of them has waited for all."""
    for lock_id in ("job", "other"):
        stage.store.records[lock_id] = Record(lock_id, "7", TTL, 1, "a", holder="session")
    backend = stage.backend()
    first, second = backend.elector("job", "b"), backend.elector("other", "b")
    assert first.acquire_leadership() is None
    stage.clock.advance(TTL)
    assert second.acquire_leadership() is None  # it has seen nothing itself
    assert first.acquire_leadership() is not None
    assert second.acquire_leadership() is not None
