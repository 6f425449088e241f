"""Traps that only a real server has: each one would cost a term, a token or a leader too many."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest
import redis_stage as stage
from forking import Endings, Forks

from incumbent import (
    BackendRejectedError,
    BackendSettings,
    BackendUnavailableError,
    boottime,
    read_leader,
)
from incumbent.testing import FaultProxy
from incumbent_redis import _store
from incumbent_redis._layout import ACQUIRE, LOOK, RELEASE, RENEW


def key(elector):
    """Return the key of its election's record."""
    return f"{{incumbent}}:{elector.lock_id}"


def first_claim(elector, since, seconds=stage.PATIENCE):
    """Ask until *elector* leads; return the claim, and the seconds since *since* on its clock."""
    claim = stage.lead(elector, seconds)
    return claim, claim.sent - since


def test_lost_answer_of_an_attempt_is_understood(server, name, opened):
    """P4, P7: an attempt that took effect, and whose answer was lost, is continued by the next one with one token."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(f"redis://{proxy}", stage.settings(60.0, stage.REQUEST_TIMEOUT))
        with backend.store.lent(), backend.store.lent():
            pass  # two connections: should a look need one, the other is there for the attempt
        elector = backend.elector(name, "a")
        other = opened().elector(name, "b")
        assert other.acquire_leadership() is not None
        assert elector.acquire_leadership() is None
        assert other.relinquish_leadership()
        proxy.freeze("to client")
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
        with stage.client(server) as asking:
            token = stage.eventually(lambda: asking.hget(f"{{incumbent}}:{name}", "token"))
        proxy.heal()
        assert stage.lead(elector).token == int(token)
        elector.close()


def test_lost_answer_of_an_attempt_that_a_failover_brings_back_is_another_term(victim, name, opened):
    """P4: who has led since may have been forgotten, so the record of before is not continued with its token."""
    keys = "{incumbent}", f"{{incumbent}}:{name}"
    with FaultProxy("127.0.0.1", victim.port) as proxy, stage.client(victim) as asking:
        late = opened(f"redis://{proxy}", stage.settings(4 * stage.TTL, stage.REQUEST_TIMEOUT)).elector(name, "a")
        other = opened(stage.url(victim), stage.SHORT).elector(name, "b")
        assert late.acquire_leadership() is not None  # connected
        assert late.relinquish_leadership()
        proxy.freeze("to client")
        with pytest.raises(BackendUnavailableError):
            late.acquire_leadership()
        older = stage.eventually(lambda: all(map(asking.exists, keys)) and [asking.hgetall(key) for key in keys])
        proxy.heal()
        asking.delete(keys[1])  # as its ttl's end does, which is far, for a busy machine is to read it before
        token = stage.lead(other).token
        with asking.pipeline() as at_once:  # as a replica has it that heard of nothing since
            for key, content in zip(keys, older, strict=True):
                at_once.delete(key)
                at_once.hset(key, mapping=content)
            at_once.hset(keys[0], "reign", "another")
            at_once.execute()
        assert stage.lead(late).token > token


def test_closing_takes_back_an_attempt_whose_answer_was_lost(server, name, opened):
    """P8: a record that an attempt has written, and nobody was told of, does not outlive its elector."""
    with FaultProxy("127.0.0.1", server.port) as proxy, stage.client(server) as asking:
        backend = opened(f"redis://{proxy}", stage.settings(ttl=60, request_timeout=2.0))
        with backend.store.lent(), backend.store.lent():
            pass  # two connections: should a look need one, the other is there for the attempt
        elector = backend.elector(name, "a")
        stage.lead(elector)
        assert elector.relinquish_leadership()
        proxy.freeze("to client")
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
        stage.eventually(lambda: asking.exists(key(elector)))
        proxy.heal()
        elector.close()
        assert not asking.exists(key(elector))


def test_attempt_that_is_out_while_its_elector_closes_leaves_nothing(server, name, opened, monkeypatch):
    """P8: an attempt that reaches the store after the farewell of its elector takes its record back itself."""
    backend = opened()
    elector = backend.elector(name, "a")
    run = backend.store.run

    def overtaken(script, *arguments, **options):
        if script is ACQUIRE:
            elector.close()
        return run(script, *arguments, **options)

    monkeypatch.setattr(backend.store, "run", overtaken)
    assert elector.acquire_leadership() is None
    assert key(elector) not in stage.keys(server)
    assert not backend.beats._leading
    assert not backend.beats.lock_ids()


def test_check_that_is_out_while_its_elector_closes_begins_nothing(server, name, opened, monkeypatch):
    """P8: who has lost its claim in an attempt, and was closed meanwhile, is told of nothing any more."""
    backend = opened()
    elector = backend.elector(name, "a")
    stage.lead(elector)
    with stage.client(server) as asking:
        asking.delete(key(elector))
    run = backend.store.run

    def overtaken(script, *arguments, **options):
        if script is RENEW:
            elector.close()
        return run(script, *arguments, **options)

    monkeypatch.setattr(backend.store, "run", overtaken)
    assert elector.acquire_leadership() is None
    assert key(elector) not in stage.keys(server)
    assert not backend.beats.lock_ids()


def test_lost_answer_of_a_relinquishing_is_understood(server, name, opened):
    """P7: a claim that was given up, but whose answer was lost, is gone; nobody else's is touched by asking again."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        elector = opened(f"redis://{proxy}", stage.BRIEF).elector(name, "a")
        other = opened().elector(name, "b")
        stage.lead(elector)
        proxy.freeze("to client")
        with pytest.raises(BackendUnavailableError):
            elector.relinquish_leadership()
        assert stage.lead(other)
        proxy.heal()
        assert elector.relinquish_leadership() is False
        assert other.check_leadership() is not None


def test_late_relinquishing_spares_the_next_term(name, opened):
    """P1: what ends one term names its claim, so that it cannot end the next one when it comes late."""
    backend = opened()
    elector = backend.elector(name, "a")
    stage.lead(elector)
    first = elector.owner
    assert elector.relinquish_leadership()
    stage.lead(elector)
    assert backend.store.run(RELEASE, [key(elector)], [first], read=int) == 0
    assert elector.check_leadership() is not None


def test_renewal_in_the_last_moment_saves_the_leader(name, opened):
    """P1: who has seen a leader's silence for a ttl takes over only if there was no renewal since it looked."""
    leader, backend = opened(settings=stage.SHORT).elector(name, "a"), opened(settings=stage.SHORT)
    other = backend.elector(name, "b")
    stage.lead(leader)
    assert other.acquire_leadership() is None
    backend.news.stop()
    backend.news.join(stage.PATIENCE)  # from now on it sees nothing but the answers to its own attempts
    stage.eventually(lambda: other._beats.sightings.left(name, other._seen) == 0)
    assert leader.check_leadership() is not None
    assert other.acquire_leadership() is None
    assert leader.check_leadership() is not None


def test_nothing_expires_by_the_servers_clock(server, name, opened):
    """P1: no key has a ttl: a server whose clock is set forward ends no claim."""
    stage.lead(opened().elector(name, "a"))
    with stage.client(server) as asking:
        assert {asking.pttl(key) for key in asking.scan_iter()} == {-1}


def test_tokens_grow_when_counter_and_record_are_deleted(victim, name, opened):
    """P4: without the counter, the server's clock keeps the tokens growing."""
    where = stage.url(victim)
    first = stage.lead(opened(where, stage.SHORT).elector(name, "a"))
    with stage.client(victim) as asking:
        asking.delete("{incumbent}", f"{{incumbent}}:{name}")
    assert stage.lead(opened(where, stage.SHORT).elector(name, "b")).token > first.token


def test_tokens_grow_when_the_clock_goes_back(victim, name, opened):
    """P4: the counter keeps the tokens growing when it is ahead of the server's clock, and the record is deleted."""
    ahead = 5 * 10**15  # of the year 2128
    where = stage.url(victim)
    with stage.client(victim) as asking:
        asking.hset("{incumbent}", "token", ahead)
        assert stage.lead(opened(where).elector(name, "a")).token == ahead + 1
        asking.delete(f"{{incumbent}}:{name}")
    assert stage.lead(opened(where).elector(name, "b")).token == ahead + 2


@pytest.mark.parametrize("value", [2**53 - 2, 2**53, 10**300, "inf", "nan", -1])
def test_token_that_cannot_grow_is_refused(victim, name, opened, value):
    """P4: a counter that somebody has set to what Lua cannot add one to elects nobody: no token is given twice."""
    with stage.client(victim) as asking:
        asking.hset("{incumbent}", "token", value)
        with pytest.raises(BackendRejectedError, match=r"\{incumbent\}.*something"):
            opened(stage.url(victim)).elector(name, "a").acquire_leadership()
        assert asking.hget("{incumbent}", "token") == str(value)


def test_mark_that_is_none_is_replaced(tmp_path, name, opened):
    """P7: what somebody has written in place of the guard's mark costs a ttl without elections, and not all of them."""
    with ExitStack() as stack:
        waiting = []
        for number, mark in enumerate((b"", b"\xff", b"theirs")):  # side by side: each waits for a ttl
            server = stack.enter_context(stage.running(stage.Server(tmp_path / str(number))))
            stage.come_of_age(server)
            elector = opened(stage.url(server), stage.SHORT).elector(name, "a")
            with stage.client(server) as asking:
                asking.hset("{incumbent}", mapping={"mark": mark, "proven": 0})
            assert elector.acquire_leadership() is None, mark
            waiting.append(elector)
        for elector in waiting:
            assert stage.lead(elector)


def test_silence_on_one_server_is_none_on_another(victim, name, opened):
    """P1: a beat that the server before has shown, and this one shows again, is as new as this server."""
    ahead = 5 * 10**15  # its clock is behind: beats are counted
    settings = stage.settings(8.0, 2.0)  # more than the restart and a request take: else the claim might have lapsed
    leader, other, third = (opened(stage.url(victim), settings).elector(name, who) for who in "abc")
    stage.lead(leader)
    record = key(leader)
    with stage.client(victim) as asking:
        asking.hset(record, "beat", ahead + 2)
        assert other.acquire_leadership() is None  # it has seen a beat that is lost now
        other._base.news.stop()
        other._base.news.join(stage.PATIENCE)
        assert leader.check_leadership() is not None
        victim.kill()
        victim.restart()
        assert stage.eventually(lambda: _attempted(third)) == [None]
        asking.hset(record, "beat", ahead)
    assert stage.eventually(lambda: _checked(leader))
    began = boottime()
    stage.eventually(lambda: boottime() > began + settings.ttl / 2)
    last = leader.check_leadership()
    assert last is not None
    with stage.client(victim) as asking:
        assert asking.hget(record, "beat") == str(ahead + 2)
        stage.eventually(lambda: stage.attempt(third) is None and asking.hget("{incumbent}", "proven") != "0")
    _, after = first_claim(other, last.sent)
    assert after >= 0.99 * settings.ttl


def test_flushall_makes_no_second_leader(victim, name, opened):
    """P1: after FLUSHALL nobody is elected while the leader may still believe in its claim."""
    where = stage.url(victim)
    leader, other = opened(where, stage.SHORT).elector(name, "a"), opened(where, stage.SHORT).elector(name, "b")
    claim = stage.lead(leader)
    assert other.acquire_leadership() is None
    with stage.client(victim) as asking:
        asking.flushall()
    successor, after = first_claim(other, claim.sent)
    assert after >= 0.99 * claim.guarantee
    assert successor.token > claim.token
    assert leader.check_leadership() is None


def test_empty_restart_makes_no_second_leader(victim, name, opened):
    """P1: a server that comes back empty elects nobody while the leader may still believe in its claim."""
    where = stage.url(victim)
    leader, other = opened(where, stage.SHORT).elector(name, "a"), opened(where, stage.SHORT).elector(name, "b")
    stage.lead(leader)
    claim = leader.check_leadership()
    assert claim is not None
    victim.kill()
    victim.restart(empty=True)
    successor, after = first_claim(other, claim.sent)
    assert after >= 0.99 * claim.guarantee
    assert successor.token > claim.token


def test_leader_goes_on_over_a_restart_with_data(victim, name, opened):
    """P7: a restart with its data costs the leader nothing: its next check renews, others wait."""
    where, patient = stage.url(victim), stage.settings(ttl=60)
    leader, other = opened(where, patient).elector(name, "a"), opened(where, patient).elector(name, "b")
    first = stage.lead(leader)
    victim.kill()
    victim.restart()
    renewed = stage.eventually(lambda: _checked(leader))
    assert renewed.token == first.token
    assert stage.attempt(other) is None


def test_lapsed_claim_is_not_believed_after_a_restart(victim, name, opened):
    """P1: a claim older than its ttl is given up where the server may have forgotten a successor."""
    where = stage.url(victim)
    leader = opened(where, stage.SHORT).elector(name, "a")
    claim = stage.lead(leader)
    victim.kill()
    clock = stage.settings().clock
    stage.eventually(lambda: clock() > claim.sent + stage.TTL)
    victim.restart()
    assert stage.eventually(lambda: _answered(leader)) == [None]


def test_silent_elector_is_succeeded_though_its_process_is_busy(server, name, opened):
    """P7: a claim whose engine is silent ends, though others of the same backend are renewed all the time."""
    backend = opened(settings=stage.SHORT)
    silent, busy = backend.elector(name, "a"), backend.elector(f"{name}/other", "a")
    stage.lead(silent)
    stage.lead(busy)
    other = opened(settings=stage.SHORT).elector(name, "b")

    def succeeded():
        assert busy.check_leadership() is not None
        return other.acquire_leadership()

    assert stage.eventually(succeeded, 4 * stage.TTL + 5) is not None


def test_each_check_is_a_renewal(server, name, opened):
    """P2: who is alone asks the server at each check, and is not answered by the renewal that it was told of before."""
    elector = opened(settings=stage.settings(ttl=60)).elector(name, "a")
    claim = stage.lead(elector)
    with stage.client(server) as asking:
        for _ in range(5):
            before = asking.hget(key(elector), "beat")
            sent, claim = claim.sent, elector.check_leadership()
            assert claim.sent > sent
            assert asking.hget(key(elector), "beat") != before


def test_deleted_claim_is_told_soon(server, name, opened):
    """P1: a leader is told that its record was deleted within a look, without any setting of the server."""
    ttl = 12.0
    elector = opened(settings=stage.settings(ttl)).elector(name, "a")
    stage.lead(elector)
    told = []
    elector.notify = lambda: told.append(time.monotonic())
    began = time.monotonic()
    with stage.client(server) as asking:
        asking.delete(f"{{incumbent}}:{name}")
    stage.eventually(lambda: told)
    assert told[0] - began < ttl
    assert elector.check_leadership() is None


def test_dead_leader_is_not_shown_for_ever(server, name, opened):
    """P1: who asks for the leader of an election that nobody else is in is not shown one that died long ago."""
    backend = opened(settings=stage.SHORT)
    stage.lead(backend.elector(name, "a"))
    assert read_leader(stage.url(server), name).candidate == "a"
    stage.eventually(lambda: read_leader(stage.url(server), name).candidate is None)
    assert f"{{incumbent}}:{name}" in stage.keys(server)


# ---------------------------------------------------------------- foreign content


@pytest.mark.parametrize("kind", ["string", "list", "hash", "half a record"])
def test_foreign_key_is_a_conflict_and_left_alone(kind, server, name, opened):
    """Rule 2: a key of another type or content under our name is refused in one line, and not touched."""
    key = f"{{incumbent}}:{name}"
    with stage.client(server) as asking:
        if kind == "string":
            asking.set(key, "theirs")
        elif kind == "list":
            asking.rpush(key, "theirs")
        elif kind == "hash":
            asking.hset(key, mapping={"theirs": "1"})
        else:
            asking.hset(key, mapping={"claim": "theirs", "beat": "soon"})
        before = asking.type(key)
        elector = opened().elector(name, "a")
        with pytest.raises(BackendRejectedError, match="something") as caught:
            elector.acquire_leadership()
        assert "\n" not in str(caught.value)
        elector.close()
        assert asking.type(key) == before
        asking.delete(key)


def test_foreign_guard_is_a_conflict(victim, name, opened):
    """Rule 2: something else under the name of the guard is refused, and not touched."""
    with stage.client(victim) as asking:
        asking.set("theirs", 1)
        asking.delete("{incumbent}")
        asking.set("{incumbent}", "theirs")
        with pytest.raises(BackendRejectedError, match="something else"):
            opened(stage.url(victim)).elector(name, "a").acquire_leadership()
        asking.delete("{incumbent}")
        asking.hset("{incumbent}", "token", "many")
        with pytest.raises(BackendRejectedError, match=r"\{incumbent\}"):
            opened(stage.url(victim)).elector(name, "a").acquire_leadership()


@pytest.mark.parametrize("value", ["a{b}c", "{}", "x\ny", "\0", "\u2028", "'\"\\", "%", "*", "🗳"])
def test_hostile_names_are_names(value, server, name, opened):
    """P1: whatever Redis's own syntax has, it is a name of an election and of a candidate like any other."""
    backend = opened()
    elector, other = backend.elector(f"{name}/{value}", value), backend.elector(f"{name}/{value}", "b")
    token = stage.lead(elector).token
    assert other.acquire_leadership() is None
    assert (elector.observe_leadership().candidate, elector.observe_leadership().token) == (value, token)
    elector.close()
    assert stage.lead(other).token > token
    other.close()


# ---------------------------------------------------------------- what it costs


def test_thousand_tries_leave_nothing(server, name, opened):
    """P8: a thousand tries in vain, terms, electors and a few backends leave no key and no connection behind."""
    with stage.client(server) as asking:
        stage.eventually(lambda: len(asking.client_list()) == 1)  # those of the tests before have gone
        keys = set(asking.keys())
        held = opened()
        stage.lead(leader := held.elector(f"{name}/held", "a"))
        for _ in range(10):
            backend = opened()
            for number in range(50):
                elector = backend.elector(f"{name}/{number}", "b")
                assert elector.acquire_leadership() is not None
                elector.close()
                elector = backend.elector(f"{name}/held", "b")
                assert elector.acquire_leadership() is None
                elector.close()
                leader.check_leadership()
            backend.close()
        leader.close()
        held.close()
        stage.eventually(lambda: len(asking.client_list()) == 1)
        assert set(asking.keys()) == keys


def test_thousand_elections_share_connections_and_threads(server, name, opened):
    """P8: a thousand elections of one process have a handful of connections and one thread."""
    import threading

    with stage.client(server) as asking:
        before, threads = len(asking.client_list()), threading.active_count()
        now = boottime()  # it stands still meanwhile: how long a thousand calls take is the machine's business
        backend = opened(settings=BackendSettings(60, 10, lambda: now))
        electors = [backend.elector(f"{name}/{number}", "a") for number in range(1000)]
        assert all(elector.acquire_leadership() for elector in electors)
        assert len(asking.client_list()) - before <= 5
        assert threading.active_count() - threads <= 1
        asking.config_resetstat()
        now += 8.0
        assert all(elector.check_leadership() for elector in electors)
        assert _calls(asking, "evalsha") < 20, "the renewals were not shared"
        for elector in electors:
            elector.close()


def test_hand_over_among_fifty_wakes_a_few(server, name, opened):
    """P7: of fifty that wait only a few are told before another leads; if none of these tries, all are."""
    leader = opened().elector(name, "leader")
    stage.lead(leader)
    channel, told = key(leader), Counter()
    with stage.client(server) as asking:
        for number in range(50):
            backend = opened(settings=stage.settings(ttl=60))
            backend.beats._turns._chance = lambda number=number: number / 50
            elector = backend.elector(name, f"c{number}")
            elector.notify = lambda number=number: told.update([number])
            assert elector.acquire_leadership() is None
        stage.eventually(lambda: asking.pubsub_numsub(channel)[0][1] == 51)
        with asking.pipeline() as both:  # with nothing between them, however busy the machine
            both.publish(channel, "free 50").publish(channel, "led").execute()
        asking.publish(channel, "free 0")  # for all, as of a server that may not say how many: nothing more comes
        stage.eventually(lambda: len(told) == 50)
        assert {number for number, times in told.items() if times > 1} == {0, 1, 2, 3}
        told.clear()
        asking.config_resetstat()
        assert leader.relinquish_leadership()
        stage.eventually(lambda: len(told) == 50)
        assert _calls(asking, "publish") == 1


def test_waiting_costs_looks_and_nothing_else(victim, name, opened):
    """P7: who waits looks six times per ttl, with one command each; the subscription is asked after far more rarely."""
    leader = opened(stage.url(victim), stage.settings(ttl=60)).elector(name, "a")
    stage.lead(leader)
    waiting = opened(stage.url(victim), stage.settings(ttl=1.2)).elector(name, "b")
    assert waiting.acquire_leadership() is None
    with stage.client(victim) as asking:
        # Both threads have subscribed and looked once, with which the server has the script: from now on they wait.
        stage.eventually(lambda: asking.pubsub_numsub(key(leader))[0][1] == 2 and asking.script_exists(LOOK.sha)[0])
        asking.config_resetstat()
        stage.eventually(lambda: _calls(asking, "evalsha") >= 9)
        assert _calls(asking, "ping") <= 3
        assert not any(_calls(asking, command) for command in ("eval", "subscribe", "publish"))


def test_who_may_not_know_how_many_wait_tells_all(server, name, opened):
    """P7: a leader whose user lacks the right to count is succeeded at once all the same."""
    with stage.client(server) as asking:
        asking.execute_command("ACL", "SETUSER", "shy", "reset", "on", ">secret", "~*", "&*", "+@all", "-pubsub")
        leader = opened(f"redis://shy:secret@127.0.0.1:{server.port}").elector(name, "a")
        stage.lead(leader)
        with asking.pubsub() as heard:
            heard.subscribe(key(leader))
            assert leader.relinquish_leadership()
            news = stage.eventually(
                lambda: (message := heard.get_message()) and message["type"] == "message" and message
            )
        assert news["data"] == "free 0"
        asking.execute_command("ACL", "DELUSER", "shy")


def test_interrupted_call_leaves_no_connection(server, name, opened, monkeypatch):
    """P8: Ctrl-C in a request ends its connection, whose answer nobody awaits any more."""
    backend = opened()
    elector = backend.elector(name, "a")
    wires = []

    def interrupted(wire, *_):
        wires.append(wire)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(backend.news, "wake", lambda: None)  # this thread alone
        patch.setattr(_store, "_evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            elector.observe_leadership()
    assert wires
    assert not backend.store._wires
    assert elector.observe_leadership().candidate is None


# ---------------------------------------------------------------- other processes


def _calls(asking, command):
    return asking.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)


def _checked(elector):
    try:
        return elector.check_leadership()
    except BackendUnavailableError:
        return None


def _answered(elector):
    try:
        return [elector.check_leadership()]
    except BackendUnavailableError:
        return None


def _attempted(elector):
    try:
        return [elector.acquire_leadership()]
    except BackendUnavailableError:
        return None


def test_leader_that_leaves_before_the_first_look_is_missed(name, opened):
    """P7: Who observes is told of a leader that it was shown, and that left while nobody listened or looked yet."""
    leader, backend = opened().elector(name, "a"), opened()
    stage.lead(leader)
    observer = backend.elector(name, "observer")
    follow, told = backend.beats.follow, threading.Event()
    observer.notify = told.set
    backend.beats.follow = lambda _: None  # the thread is slow to begin
    assert observer.observe_leadership().candidate == "a"
    leader.close()
    follow(observer)
    assert told.wait(stage.PATIENCE)
    assert observer.observe_leadership().candidate is None


class TestForks(Forks):
    """On a real server."""

    library = "redis.connection"


class TestEndings(Endings):
    """On a real server."""
