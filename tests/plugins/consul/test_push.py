"""News instead of polling, and what they cost the servers: requests, sessions, connections and threads are counted."""

from __future__ import annotations

import threading
import time

import consul_stage as stage
import pytest

from incumbent import LeaderElection, Runner, observe

#: Candidates that wait in the test of a hand-over, and elections in that of one process.
WAITING, ELECTIONS = 50, 1000
#: Long enough for nothing to be renewed, polled or given up while requests and news are counted.
CALM = 60.0


def test_hand_over_wakes_one_of_many(tap, name, opened):
    """A hand-over among 50 who wait, each a process of its own, takes a handful of requests; one key would take 100."""
    crowd = [opened(stage.url(tap), stage.settings(CALM, 5.0)).elector(name, f"c{n}") for n in range(WAITING + 1)]
    called = [threading.Event() for _ in crowd]
    for elector, event in zip(crowd, called, strict=True):
        elector.notify = event.set
    assert crowd[0].acquire_leadership() is not None
    for elector in crowd[1:]:
        assert elector.acquire_leadership() is None
    costs = []
    for leader, heir in zip(range(5), range(1, 6), strict=True):
        settled(tap)
        for event in called:
            event.clear()
        before = tap.requests.copy()
        crowd[leader].relinquish_leadership()
        assert called[heir].wait(stage.PATIENCE)
        assert crowd[heir].acquire_leadership() is not None
        settled(tap)
        costs.append(tap.requests - before)
        assert [number for number, event in enumerate(called) if event.is_set()] in ([heir], [leader, heir])
    stage.say(f"requests of a hand-over among {WAITING}: {[cost.total() for cost in costs]}, such as {dict(costs[-1])}")
    assert max(cost.total() for cost in costs) <= 10


def settled(tap) -> None:
    """Wait until no request has come for a while: watchers ask again by themselves."""
    while True:
        before = tap.total
        time.sleep(0.3)
        if tap.total == before:
            return


def test_waiting_costs_the_server_little(tap, url, name, opened):
    """A waiting candidate asks for no more than its keep-alive and its blocking query, which last a ttl."""
    with LeaderElection(stage.config(name), url) as leader:
        leader.wait_for_leadership(timeout=stage.PATIENCE)
        elector = opened(stage.url(tap)).elector(name, "waiting")
        assert elector.acquire_leadership() is None
        before, began = tap.total, time.monotonic()
        time.sleep(2 * stage.TTL)
        spent = time.monotonic() - began
        # A renewal each third of the ttl, and a query each 5 s; with some for the beginning and the end.
        assert tap.total - before <= 3 * spent / stage.TTL + spent / 5 + 3


@pytest.fixture
def thousand(server, tap, name):
    """A thousand elections of one process, each led by it, through a proxy that counts."""
    runner = Runner()
    # Checked often, to be counted soon, and kept for long: a busy machine may take its time for them.
    settings = {"ttl": 30.0, "request_timeout": 10.0, "leader_check_interval": 10.0}
    elections = [
        LeaderElection(stage.config(f"{name}/{n}", **settings), stage.url(tap), runner=runner) for n in range(ELECTIONS)
    ]
    threads = threading.active_count()
    sessions = stage.sessions(server)
    for election in elections:
        election.start()
    try:
        stage.eventually(lambda: all(election.is_leader() for election in elections), 300.0)
        yield tap, elections, threads, sessions
    finally:
        closing = [threading.Thread(target=election.close) for election in elections]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()


@pytest.mark.thorough
def test_a_thousand_elections_share_what_they_need(server, name, thousand):
    """One session, one keep-alive and one watch serve a thousand elections, whose number adds no thread."""
    tap, elections, threads, sessions = thousand
    assert len(stage.sessions(server) - sessions) == 1
    # One that a watch has given up is closed when the server has answered it, whose query may last for a ttl.
    stage.eventually(lambda: tap.proxy.connections <= 3, 3 * elections[0].config.ttl)
    # The runner's thread, its two pools, who logs, the keep-alive, the watch; a pool has more while calls are slow.
    stage.eventually(lambda: threading.active_count() - threads <= 1 + 8 + 8 + 1 + 2)
    before, began = tap.requests.copy(), time.monotonic()
    stage.eventually(lambda: tap.requests["PUT session"] >= before["PUT session"] + 2)
    assert all(election.is_leader() for election in elections)
    spent = tap.requests - before
    intervals = 1.0 + (time.monotonic() - began) / elections[0].config.leader_check_interval
    renewals = spent["PUT session"]
    stage.say(f"a thousand elections: {dict(spent)} in {intervals:.1f} intervals, {tap.proxy.connections} connections")
    assert renewals <= 20 * intervals
    # 64 keys are read with one request; a renewal may have been out when the count began.
    assert spent["PUT txn"] <= (renewals + 1) * (ELECTIONS // 64 + 1)
    assert spent.total() < ELECTIONS * intervals


def test_news_of_one_of_many_elections(server, name, opened):
    """The follower of one of many elections of a process is told when that one is free, and the others are not."""
    backend, other = (opened(settings=stage.settings(CALM)) for _ in range(2))
    leaders = [other.elector(f"{name}/{number}", "leader") for number in range(20)]
    followers = [backend.elector(f"{name}/{number}", "follower") for number in range(20)]
    called: list[int] = []
    for number, (leader, follower) in enumerate(zip(leaders, followers, strict=True)):
        leader.acquire_leadership()
        assert follower.acquire_leadership() is None
        follower.notify = lambda number=number: called.append(number)
    time.sleep(0.5)
    called.clear()
    leaders[7].relinquish_leadership()
    stage.eventually(lambda: called)
    assert set(called) == {7}
    assert followers[7].acquire_leadership() is not None


def test_elections_without_a_common_segment(server, name, opened):
    """Names that have nothing in common are followed too, by a few watches."""
    backend, other = (opened(settings=stage.settings(CALM)) for _ in range(2))
    unique = name.rpartition("/")[2]
    names = [f"{unique}-{letter}" for letter in "abcdefgh"]
    leaders = [other.elector(one, "leader") for one in names]
    followers = [backend.elector(one, "follower") for one in names]
    called: set[str] = set()
    for leader, follower in zip(leaders, followers, strict=True):
        leader.acquire_leadership()
        assert follower.acquire_leadership() is None
        follower.notify = lambda one=follower.lock_id: called.add(one)
    for leader in leaders:
        leader.relinquish_leadership()
    stage.eventually(lambda: called == set(names))


def test_two_candidates_of_one_backend(server, name, opened):
    """P1: Two candidates of one election on one backend have a session each, and succeed each other."""
    backend = opened(settings=stage.settings(CALM))
    first, second = backend.elector(name, "first"), backend.elector(name, "second")
    called = threading.Event()
    second.notify = called.set
    assert first.acquire_leadership() is not None
    assert second.acquire_leadership() is None
    called.clear()
    first.relinquish_leadership()
    assert called.wait(stage.PATIENCE)
    assert second.acquire_leadership() is not None
    assert first.acquire_leadership() is None


def test_hand_over_is_fast(server, url, name):
    """A hand-over between two processes' candidates waits for no poll."""
    slow = stage.config(name, ttl=60.0, request_timeout=10.0, follower_check_interval=30.0, cooldown=60.0)
    elections = [LeaderElection(slow, url, runner=Runner()) for _ in range(2)]
    with elections[0], elections[1]:
        stage.eventually(lambda: any(e.is_leader() for e in elections))
        stage.eventually(lambda: len(server.ask("GET", f"/v1/kv/{name}/.queue/?keys") or []) == 1)
        leader, follower = sorted(elections, key=lambda election: not election.is_leader())
        began = time.monotonic()
        leader.relinquish()
        assert follower.wait_for_leadership(timeout=stage.PATIENCE)
        took = time.monotonic() - began
        stage.say(f"hand-over: {1000 * took:.1f} ms")
        assert took < 15.0


def test_who_campaigns_again_observes_no_more(opened, name):
    """P7: Who has looked who leads, and stands in the queue, is woken by its own turn, not by all who come and go."""
    leader, following, waiting = (opened().elector(name, candidate) for candidate in "abc")
    assert stage.lead(leader)
    told = []
    waiting.notify = lambda: told.append(1)
    assert following.acquire_leadership() is None
    assert waiting.acquire_leadership() is None
    waiting.observe_leadership()
    assert waiting.acquire_leadership() is None
    told.clear()
    assert leader.relinquish_leadership()
    assert stage.lead(following)
    stage.eventually(lambda: waiting.wanted() == {waiting.key})  # it has seen that it is the next
    assert told == []
    assert following.relinquish_leadership()
    stage.eventually(lambda: told)
    assert stage.lead(waiting)


def test_observers_are_told(server, url, name):
    """P7: `observe` yields each leader as it comes, without polling."""
    seen: list[str | None] = []
    stop = threading.Event()

    def watch() -> None:
        seen.extend(record.candidate for record in observe(url, name, stop=stop))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        stage.eventually(lambda: seen == [None])
        with LeaderElection(stage.config(name, candidate="first"), url):
            stage.eventually(lambda: seen[-1] == "first", 5.0)
        stage.eventually(lambda: seen[-1] is None, 5.0)
    finally:
        stop.set()
        watcher.join()
