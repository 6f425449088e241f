"""What elections cost the server: news instead of polls, and one of everything for a thousand elections."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import etcd_stage as stage
import pytest

from incumbent import LeaderElection, LeaderElectionConfig, LeaderElector, open_backend

WAITING = 200
ELECTIONS = 1000
#: Long, so that what is counted is not mixed with what happens anyway.
SLOW = {"ttl": 60.0, "request_timeout": 10.0, "relinquish_interval": None}


def started(server: stage.Etcd) -> dict[str, float]:
    """Return the number of requests that the server has begun, by method."""
    counted: dict[str, float] = {}
    for line, value in server.metrics().items():
        if line.startswith("grpc_server_started_total"):
            method = line.split('grpc_method="')[1].partition('"')[0]
            counted[method] = counted.get(method, 0.0) + value
    return counted


def difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {
        method: after[method] - before.get(method, 0.0) for method in after if after[method] != before.get(method, 0.0)
    }


def settled(server: stage.Etcd) -> dict[str, float]:
    """Return the counts once they have stopped to change."""
    counts: list[dict[str, float]] = [started(server)]

    def same_twice() -> bool:
        time.sleep(0.3)
        counts.append(started(server))
        return counts[-1] == counts[-2]

    stage.eventually(same_twice)
    return counts[-1]


@pytest.fixture(scope="module")
def crowd(server):
    """200 candidates in a queue, each with a connection and a lease of its own, as in processes of their own."""
    with ExitStack() as stack:
        told: list[int] = []
        electors = []
        for number in range(WAITING + 1):
            backend = open_backend(f"etcd://127.0.0.1:{server.port}", stage.settings(60.0, 10.0))
            stack.callback(backend.close)
            elector = backend.elector("tests/crowd", str(number))
            elector.notify = lambda number=number: told.append(number)
            electors.append(elector)
            assert (elector.acquire_leadership() is not None) is (number == 0)
        yield electors, told


def asked(requests):
    """Return *requests* without the keep-alives, which each candidate sends in its own time."""
    return {name: count for name, count in requests.items() if name not in ("LeaseKeepAlive", "LeaseTimeToLive")}


def test_hand_over_among_200_wakes_one(server, crowd):
    """P7: A hand-over among 200 waiting candidates is told to one of them, and costs a handful of requests."""
    electors, told = crowd
    for number in range(3):
        before = settled(server)
        told.clear()
        electors[number].relinquish_leadership()
        stage.eventually(lambda: told)
        assert electors[number + 1].acquire_leadership() is not None
        cost = asked(difference(before, settled(server)))
        assert sum(cost.values()) <= 2, cost  # the deletion, and the successor's look at the queue
        assert set(told) == {number + 1}


def test_death_in_the_queue_wakes_one(server, crowd):
    """P7: When a candidate in the middle of the queue goes, the next one closes up, and nobody else is asked."""
    electors, told = crowd
    before = settled(server)
    told.clear()
    electors[100].close()
    stage.eventually(lambda: told)
    assert electors[101].acquire_leadership() is None
    cost = asked(difference(before, settled(server)))
    assert sum(cost.values()) <= 3, cost
    assert set(told) == {101}


def test_waiting_costs_renewals_and_hardly_more(victim, name):
    """P7: Who waits has its lease renewed, each third of the ttl; its keys are hardly ever read; a poll is a look."""
    with ExitStack() as stack:

        def stand(number: int, ttl: float) -> LeaderElector:
            backend = open_backend(f"etcd://127.0.0.1:{victim.port}", stage.settings(ttl))
            stack.callback(backend.close)
            elector = backend.elector(name, str(number))
            assert (elector.acquire_leadership() is not None) is (number == 0)
            return elector

        waiting = [stand(number, ttl=60.0 if number == 0 else 6.0) for number in range(11)][1:]
        for elector in waiting:  # the first renewal of a lease reads the keys, whoever asks for it
            elector._place.lease.renewal(elector._clock())
        stage.eventually(lambda: started(victim)["Watch"] == 1 + len(waiting))  # each opens its own, on its thread
        before = started(victim)
        for _ in range(3):
            assert waiting[-1].acquire_leadership() is None
        cost = stage.eventually(
            lambda: (asked := difference(before, started(victim))).get("LeaseKeepAlive", 0) >= len(waiting) and asked
        )
        assert cost.pop("Txn") == 3, "the polls"
        assert set(cost) <= {"LeaseKeepAlive", "LeaseTimeToLive"}
        assert cost.get("LeaseTimeToLive", 0) <= 1, cost


def test_who_campaigns_again_observes_no_more(opened, name):
    """P7: Who has looked who leads, and stands in the queue, is woken by its own turn, not by all who come and go."""
    leader, waiting, late = (opened().elector(name, candidate) for candidate in "abc")
    leader.acquire_leadership()
    told: list[float] = []
    waiting.notify = lambda: told.append(time.monotonic())
    waiting.acquire_leadership()
    waiting.observe_leadership()
    waiting.acquire_leadership()
    late.acquire_leadership()
    leader.relinquish_leadership()
    stage.eventually(lambda: told)
    assert waiting.acquire_leadership() is not None
    assert len(told) == 1


def test_hand_over_is_quick_and_needs_no_poll(url, name):
    """P7: With check intervals of many seconds, a hand-over takes a fraction of one: the news wake the next."""
    config = LeaderElectionConfig(name, cooldown=30.0, **SLOW)
    with LeaderElection(config, url) as first, LeaderElection(config, url) as second:
        stage.eventually(lambda: first.is_leader() or second.is_leader())
        leader, follower = (first, second) if first.is_leader() else (second, first)
        stage.eventually(follower.is_follower)
        leader.relinquish()
        assert follower.wait_for_leadership(timeout=config.leader_check_interval / 2) is not None


def test_thousand_elections_share_everything(victim, name):
    """P8: 1,000 elections of one process have one lease, one stream of watches, and a constant number of threads."""
    url = f"etcd://127.0.0.1:{victim.port}"
    setting = {"ttl": 20.0, "request_timeout": 5.0, "relinquish_interval": None}
    with LeaderElection(LeaderElectionConfig(f"{name}/0", **setting), url) as one:
        one.wait_for_leadership(timeout=stage.PATIENCE)
        threads = {thread.name for thread in threading.enumerate()}
        elections = [
            LeaderElection(LeaderElectionConfig(f"{name}/{number}", **setting), url) for number in range(1, ELECTIONS)
        ]
        with ThreadPoolExecutor(20) as closing, ExitStack() as stack:
            stack.callback(lambda: list(closing.map(LeaderElection.close, elections)))
            for election in elections:
                election.start()
            stage.eventually(lambda: all(election.is_leader() for election in elections), 60.0)
            assert len(victim.ctl("lease", "list").split("found ")[1].splitlines()) == 2, "a title, and one lease"
            before = started(victim)
            assert before["Watch"] == 1
            assert before["LeaseGrant"] == 1
            grown = {thread.name for thread in threading.enumerate()} - threads
            ours = {thread for thread in grown if thread.startswith("incumbent-")}
            assert len(ours) <= 16 + 1, ours  # the engine's two pools of eight, and who logs
            assert len(grown - ours) <= 4, grown  # gRPC's, which come and go with the stream of a renewal
            time.sleep(5.0)
            cost = difference(before, started(victim))
            # Each of them was checked at least once: without sharing, that were 1,000 renewals.
            assert 1 <= cost.get("LeaseKeepAlive", 0.0) <= 100, cost
            assert cost.pop("Put", 0.0) <= ELECTIONS, "each says once since when it leads"
            assert set(cost) <= {"LeaseKeepAlive", "LeaseTimeToLive"}, cost


def test_electors_of_one_election_have_leases_of_their_own(opened, server, name):
    """P1: Two electors of one election on one backend queue up behind each other, and the second lease goes with it."""
    backend = opened()
    first, second = backend.elector(name, "same"), backend.elector(name, "same")
    told = threading.Event()
    second.notify = told.set
    assert first.acquire_leadership() is not None
    assert second.acquire_leadership() is None
    assert len(server.ctl("get", "--prefix", name, "--keys-only").split()) == 2
    assert first.relinquish_leadership()
    assert told.wait(stage.PATIENCE)
    assert second.acquire_leadership() is not None
    backend.close()
    assert server.ctl("get", "--prefix", name).split() == []
