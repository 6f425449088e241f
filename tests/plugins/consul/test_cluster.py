"""A cluster of three servers that loses one of them, its leader, or its majority."""

from __future__ import annotations

import threading
import time

import consul_stage as stage
import pytest

from incumbent import LeaderElection, Reason, Runner

#: Long enough for a term to outlive the loss of an endpoint, seconds.
TTL = 6.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = stage.Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture
def trio(cluster, name):
    """Three candidates, each on an engine of its own, whose first endpoint is a follower; never two of them lead."""
    config = stage.config(name, ttl=TTL, request_timeout=1.0)
    cluster.mend()
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
    cluster.restore()
    stage.goes_on(elections)
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
    stage.goes_on(trio)
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
    assert not term.wait(timeout=TTL)


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
