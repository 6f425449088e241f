"""Servers that are frozen, killed, restarted, out of reach or without a majority; and the wires to them."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import ExitStack, suppress

import consul_stage as stage
import pytest
from patience import handed_over

from incumbent import BackendUnavailableError, LeaderElection, Reason, Runner
from incumbent.testing import FaultProxy

#: What a process may use of a core while the servers are away, and for how long that is measured, seconds.
SHARE, OUTAGE = 0.05, 10.0
#: What requests may take where that is measured, seconds.
LIMIT = 0.5


@pytest.fixture
def proxy(victim):
    with FaultProxy("127.0.0.1", victim.port) as made:
        yield made


@pytest.fixture
def pair(proxy, name):
    """A leader and a follower behind the proxy, each on an engine of its own, as two processes would be."""
    elections = [LeaderElection(stage.config(name), stage.url(proxy), runner=Runner()) for _ in range(2)]
    elections[0].start()
    elections[0].wait_for_leadership(timeout=stage.PATIENCE)
    elections[1].start()
    stage.eventually(elections[1].is_follower)
    yield elections
    proxy.heal()
    for election in elections:
        election.close()


def goes_on(elections) -> None:
    """Check that one of them leads soon, and that it can hand over to another, and that to the next."""
    for _ in range(2):
        leader = stage.eventually(lambda: next((e for e in elections if e.is_leader()), None))
        others = [election for election in elections if election is not leader]
        stage.eventually(lambda leader=leader, others=others: handed_over(leader, others))


FAULTS = {
    "cut": lambda proxy: proxy.cut(),
    "reset": lambda proxy: proxy.reset(),
    "freeze": lambda proxy: proxy.freeze(),
    "half-open, answers lost": lambda proxy: proxy.freeze("to client"),
    "half-open, requests lost": lambda proxy: proxy.freeze("to server"),
    "delay": lambda proxy: proxy.delay(1.0),
    "trickle": lambda proxy: (proxy.delay(0.2), proxy.trickle(1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_wires(proxy, pair, fault):
    """P1, P7, P10: No two lead while the wires are broken, and the election goes on when they are mended."""
    FAULTS[fault](proxy)
    end = time.monotonic() + stage.TTL
    while time.monotonic() < end:
        assert sum(election.is_leader() for election in pair) <= 1
        time.sleep(0.01)
    if fault != "reset":
        assert not any(election.is_leader() for election in pair)
    proxy.heal()
    goes_on(pair)


@pytest.mark.parametrize("fault", ["freeze", "half-open, answers lost", "trickle"])
def test_every_call_ends_in_time(proxy, name, opened, fault):
    """P10: Also when an answer comes byte by byte, each of which comes in time."""
    settings = stage.settings(request_timeout=LIMIT)
    leader, rival = (opened(stage.url(proxy), settings).elector(name, who) for who in ("leader", "rival"))
    leader.acquire_leadership()
    rival.acquire_leadership()
    FAULTS[fault](proxy)
    calls = [leader.check_leadership, leader.relinquish_leadership, rival.acquire_leadership, rival.observe_leadership]
    for call in calls:
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError):
            call()
        assert time.monotonic() - began < LIMIT + 0.5
    began = time.monotonic()
    leader.close()
    assert time.monotonic() - began < LIMIT + 0.5


def test_frozen_server(victim, pair):
    """P1, P7: A frozen server ends the term in time, and the election goes on when it is thawed."""
    victim.process.freeze()
    stage.eventually(lambda: not any(election.is_leader() for election in pair), stage.TTL)
    victim.process.thaw()
    goes_on(pair)


def test_killed_server_and_back(victim, pair):
    """P1, P7: Likewise for one that is killed and comes back with its data."""
    victim.process.kill()
    stage.eventually(lambda: not any(election.is_leader() for election in pair), stage.TTL)
    victim.start()
    goes_on(pair)


def test_server_that_comes_back_empty(victim, pair):
    """P7: A server without its data, whose indexes begin anew, brings the election back, and news too."""
    victim.process.kill()
    victim.empty()
    victim.start()
    goes_on(pair)


def test_short_restart_costs_no_leadership(victim, name, opened):
    """P7: A leader outlives a restart of the server that is shorter than its claim."""
    settings = stage.settings(ttl=10.0)
    elector = opened(stage.url(victim), settings).elector(name, "a")
    token = elector.acquire_leadership().token
    victim.process.kill()
    victim.start()
    claim = stage.eventually(lambda: quietly(elector.check_leadership))
    assert claim.token == token


def quietly(call):
    with suppress(BackendUnavailableError):
        return call()
    return None


@pytest.mark.parametrize("endpoints", [1, 3])
def test_outage_is_quiet_and_cheap(victim, name, caplog, endpoints):
    """P7: While the servers are down, the process uses less than 5 % of a core, and logs a line for each candidate."""
    caplog.set_level(logging.DEBUG)
    with ExitStack() as stack:
        url = stage.url(*(stack.enter_context(FaultProxy("127.0.0.1", victim.port)) for _ in range(endpoints)))
        pair = [
            stack.enter_context(LeaderElection(stage.config(one), url, runner=Runner()))
            for one in (name, name, f"{name}-other")
        ]
        outage(victim, pair, caplog)
        goes_on(pair[:2])


def processor_time() -> float:
    """Return what this process has used, but for the proxies that stand in it for the network, seconds."""
    proxies = [thread.ident for thread in threading.enumerate() if thread.name == "incumbent-fault-proxy"]
    return time.process_time() - sum(time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in proxies)


def outage(victim, pair, caplog) -> None:
    """Let the server be down for a while, and look at what that costs."""
    stage.eventually(lambda: sum(election.is_leader() for election in pair) == 2)
    victim.process.kill()
    stage.eventually(lambda: not any(election.is_leader() for election in pair), stage.TTL)
    threads = threading.active_count()
    before = processor_time()
    time.sleep(OUTAGE)
    used = processor_time() - before
    stage.say(f"an outage uses {100 * used / OUTAGE:.1f} % of a core")
    assert used / OUTAGE < SHARE
    assert threading.active_count() <= threads
    # That the backend fails, and that the term is over.
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 2 * len(pair)
    victim.start()


@pytest.mark.parametrize("fault", ["dead", "frozen"])
def test_first_endpoint_costs_no_leadership(server, name, fault):
    """P7: All endpoints are used: one that is dead or frozen ends no term, and keeps nobody from being elected."""
    with FaultProxy("127.0.0.1", server.port) as first, FaultProxy("127.0.0.1", server.port) as second:
        config = stage.config(name, ttl=6.0, request_timeout=0.5)
        with LeaderElection(config, stage.url(first, second), runner=Runner()) as leader:
            term = leader.wait_for_leadership(timeout=stage.PATIENCE)
            first.cut() if fault == "dead" else first.freeze()
            assert not term.wait(timeout=6.0)
            assert term.is_valid()
            with LeaderElection(config, stage.url(first, second), runner=Runner()) as follower:
                stage.eventually(follower.is_follower)
                leader.relinquish()
                assert follower.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_endpoint_that_accepts_and_says_nothing(server, name, opened):
    """P10: An endpoint whose connections are accepted by nobody is left for the next."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = stage.url(f"127.0.0.1:{mute.getsockname()[1]}", server)
        elector = opened(url).elector(name, "a")
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
        assert elector.acquire_leadership() is not None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = stage.Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture
def trio(cluster, name):
    """Three candidates, each on an engine of its own, whose first endpoint is a follower; never two of them lead."""
    config = stage.config(name, ttl=10.0, request_timeout=1.0)
    url = cluster.url(*sorted(range(3), key=cluster.leader().__eq__))
    elections = [LeaderElection(config, url, runner=Runner()) for _ in range(3)]
    for election in elections:
        election.start()
    overlaps, over = [], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            if sum(election.is_leader() for election in elections) > 1:
                overlaps.append(time.monotonic())

    watcher = threading.Thread(target=watch)
    watcher.start()
    stage.eventually(lambda: any(election.is_leader() for election in elections))
    yield elections
    cluster.mend()
    goes_on(elections)
    over.set()
    watcher.join()
    for election in elections:
        election.close()
    assert overlaps == []


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_cluster_loses_its_leader(cluster, trio, how):
    """P1, P7: The election goes on, and hands over, while the servers' own leader is still lost."""
    leader = cluster.servers[cluster.leader()]
    getattr(leader.process, how)()
    began = time.monotonic()
    goes_on(trio)
    stage.say(f"servers' leader: {how}; two hand-overs were done {time.monotonic() - began:.1f} s later")


def session_node(cluster, name) -> int:
    """Return the number of the server at which the session of the present leader was made."""
    server = cluster.servers[cluster.leader()]
    (session,) = server.ask("GET", f"/v1/session/info/{stage.holder(server, name)}")
    return int(session["Node"].removeprefix("server-"))


def test_cluster_loses_a_follower(cluster, trio, name):
    """P7: Losing a minority ends no term."""
    term = next(election.term for election in trio if election.is_leader())
    follower = next(number for number in range(3) if number not in (cluster.leader(), session_node(cluster, name)))
    cluster.servers[follower].process.kill()
    assert not term.wait(timeout=8.0)


def test_cluster_cleans_up_the_server_of_the_session(cluster, trio, name):
    """P1, P7: Consul removes a dead server and the sessions made at it: the term is lost, and another comes."""
    term = next(election.term for election in trio if election.is_leader())
    node = session_node(cluster, name)
    assert node != cluster.leader()
    cluster.servers[node].process.kill()
    assert term.wait(timeout=stage.PATIENCE)
    assert term.reason is Reason.LOST
    stage.eventually(lambda: any(election.is_leader() for election in trio))


def test_cluster_loses_its_majority_and_comes_back(cluster, trio):
    """P1, P7: Without a majority nobody leads once the claim has ended; afterwards somebody does."""
    leader = cluster.leader()
    lost = [leader, (leader + 1) % 3]
    for number in lost:
        cluster.servers[number].process.kill()
    stage.eventually(lambda: not any(election.is_leader() for election in trio))
    for number in lost:
        cluster.servers[number].start(wait=False)
    stage.eventually(lambda: any(election.is_leader() for election in trio))
