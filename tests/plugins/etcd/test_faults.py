"""Broken wires and broken servers: elections go on by themselves, nothing spins, and logs stay quiet."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from contextlib import ExitStack, contextmanager

import etcd_stage as stage
import pytest
from patience import handed_over

from incumbent import AsyncLeaderElection, BackendUnavailableError, LeaderElection, LeaderElectionConfig
from incumbent.testing import FaultProxy

#: Seconds during which a server is away in most tests: longer than the ttl.
OUTAGE = 1.5 * stage.TTL
#: Seconds during which processor time is measured, and the share of one core that is allowed.
WINDOW, SHARE = 10.0, 0.05


def config(name: str, **values: object) -> LeaderElectionConfig:
    return LeaderElectionConfig(
        name, **{"ttl": stage.TTL, "request_timeout": 0.4, "relinquish_interval": None, **values}
    )


class Overlaps:
    """Counts how many candidates hold a term at once, as their callbacks see it."""

    def __init__(self) -> None:
        self.worst = 0
        self.terms: list[int] = []
        self._valid: list[object] = []
        self._lock = threading.Lock()

    def elected(self, term) -> None:
        with self._lock:
            self._valid = [*[other for other in self._valid if other.is_valid()], term]
            self.worst = max(self.worst, len(self._valid))
            self.terms.append(term.token)

    def assert_none(self) -> None:
        assert self.worst <= 1, "two valid terms at once"
        assert self.terms == sorted(set(self.terms)), "tokens must grow"


@contextmanager
def candidates(name: str, *urls: str):
    """Run one candidate for each URL."""
    overlaps = Overlaps()
    with ExitStack() as stack:
        elections = [LeaderElection(config(name, on_elected=overlaps.elected), url) for url in urls]
        for election in elections:
            stack.enter_context(election)
        leader_of(elections)
        yield elections, overlaps
        overlaps.assert_none()


def leader_of(elections: list[LeaderElection]) -> LeaderElection:
    """Wait until one of them leads."""
    return stage.eventually(lambda: next((election for election in elections if election.is_leader()), None))


def can_hand_over(elections: list[LeaderElection]) -> None:
    """Check that the election works again: another leads after the leader has stepped down."""
    old = leader_of(elections)
    token = old.term.token
    old.relinquish()
    stage.eventually(lambda: any(e.is_leader() and e.term is not None and e.term.token > token for e in elections))


# ---------------------------------------------------------------- one server


@pytest.fixture
def proxies(server):
    with FaultProxy("127.0.0.1", server.port) as first, FaultProxy("127.0.0.1", server.port) as second:
        yield first, second


FAULTS = {
    "cut": FaultProxy.cut,
    "frozen": FaultProxy.freeze,
    "half-open to the server": lambda proxy: proxy.freeze("to server"),
    "half-open to us": lambda proxy: proxy.freeze("to client"),
    "slower than the request timeout": lambda proxy: proxy.delay(1.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_leader_behind_a_broken_wire_is_succeeded(server, proxies, name, fault):
    """P1, P7: A leader that cannot reach the server is deposed before another leads, and takes part again later."""
    with candidates(name, *(f"etcd://{proxy}" for proxy in proxies)) as (elections, _):
        leader = leader_of(elections)
        broken = elections.index(leader)
        FAULTS[fault](proxies[broken])
        other = elections[1 - broken]
        assert other.wait_for_leadership(timeout=stage.PATIENCE) is not None
        assert not leader.is_leader()
        proxies[broken].heal()
        stage.eventually(lambda: len(stage.keys(server, name)) == 2)  # it has queued up again
        other.relinquish()
        assert leader.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_connections_that_are_reset_cost_no_leadership(proxies, name):
    """P7: Connections reset again and again, and slow ones, do not end a term, nor the news of the next."""
    first, second = proxies
    with candidates(name, *(f"etcd://{proxy}" for proxy in proxies)) as (elections, _):
        term = leader_of(elections).term
        second.delay(0.05)
        first.delay(0.05)
        for _ in range(6):
            time.sleep(0.5)
            first.reset()
            second.reset()
        assert term.is_valid()
        can_hand_over(elections)


def test_answer_lost_after_the_claim_was_made(server, opened, name):
    """P7: A claim whose answer was lost is recognised as our own by the next attempt, and nothing is there twice."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(f"etcd://{proxy}")
        warm = backend.elector(f"{name}/warm", "a")
        assert warm.acquire_leadership() is not None
        leases = stage.leases(server)
        elector = backend.elector(name, "b")
        proxy.freeze("to client")
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
        stage.eventually(lambda: "b" in stage.keys(server, name))
        proxy.heal()
        claim = stage.lead(elector)
        assert claim.token == elector.observe_leadership().token
        assert len(stage.keys(server, name)) == 2  # with that of the election below
        assert stage.leases(server) <= leases


def test_lease_whose_grant_had_no_answer_is_recognised(server, opened, name):
    """P8: A lease whose grant had no answer is used by the next attempt: a thousand of those leave one lease."""
    before = stage.leases(server)
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(f"etcd://{proxy}", stage.settings(60.0, 0.3))
        elector = backend.elector(name, "a")
        proxy.freeze("to client")
        for _ in range(3):
            with pytest.raises(BackendUnavailableError):
                elector.acquire_leadership()
        proxy.heal()
        stage.lead(elector)
        assert len(stage.leases(server) - before) == 1
        backend.close()
    assert stage.leases(server) <= before


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_server_that_was_away_for_longer_than_the_ttl(victim, name, fault):
    """P1, P7: When the server was away, nobody leads; afterwards one does, and hand-overs are told as before."""
    url = f"etcd://127.0.0.1:{victim.port}"
    with candidates(name, url, url) as (elections, _):
        victim.freeze() if fault == "frozen" else victim.kill()
        stage.eventually(lambda: not any(election.is_leader() for election in elections))
        time.sleep(OUTAGE)
        victim.thaw() if fault == "frozen" else victim.restart()
        can_hand_over(elections)


def test_server_that_came_back_empty(victim, name):
    """P7: A server that comes back without its data is used like a new one."""
    url = f"etcd://127.0.0.1:{victim.port}"
    with LeaderElection(config(name), url) as first, LeaderElection(config(name), url) as second:
        stage.eventually(lambda: first.is_leader() or second.is_leader())
        victim.kill()
        victim.restart(empty=True)
        stage.eventually(lambda: stage.keys(victim, name))  # they campaign in the new one
        stage.eventually(lambda: first.is_leader() != second.is_leader())


def test_outage_costs_neither_processor_time_nor_log_lines(victim, name, caplog):
    """P7: While the server is down, two candidates use less than 5 % of a core, and log one line each."""
    caplog.set_level(logging.INFO)
    url = f"etcd://127.0.0.1:{victim.port}"
    with candidates(name, url, url) as (elections, _):
        victim.kill()
        stage.eventually(lambda: not any(election.is_leader() for election in elections))
        caplog.clear()
        threads = threading.active_count()
        before, began = stage.cpu_seconds(), time.monotonic()
        time.sleep(WINDOW)
        share = (stage.cpu_seconds() - before) / (time.monotonic() - began)
        assert share < SHARE, f"{share:.1%} of a core"
        assert threading.active_count() <= threads + 2
        assert len(caplog.records) <= 2, [record.getMessage() for record in caplog.records]
        victim.restart()
        can_hand_over(elections)


# ---------------------------------------------------------------- several endpoints


@pytest.fixture
def two_ways(server):
    """Two ways to one server; the first can be broken."""
    with FaultProxy("127.0.0.1", server.port) as first, FaultProxy("127.0.0.1", server.port) as second:
        yield first, second


@pytest.mark.parametrize("fault", ["cut", "frozen", "half-open to us"])
def test_first_endpoint_that_breaks_costs_no_leadership(two_ways, name, fault):
    """P7: When the endpoint in use dies or freezes, the leader goes on over the next one, in the same term."""
    first, second = two_ways
    with candidates(name, f"etcd://{first},{second}", f"etcd://{second},{first}") as (elections, _):
        if not elections[0].is_leader():
            can_hand_over(elections)
        term = stage.eventually(lambda: elections[0].term)
        FAULTS[fault](first)
        time.sleep(1.2 * stage.TTL)
        assert term.is_valid()
        can_hand_over(elections)


@pytest.mark.parametrize("fault", ["cut", "frozen"])
def test_first_endpoint_that_is_broken_from_the_beginning(two_ways, name, fault):
    """P7: A candidate whose first endpoint is dead or frozen is elected over the second."""
    first, second = two_ways
    FAULTS[fault](first)
    with LeaderElection(config(name), f"etcd://{first},{second}") as election:
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None


# ---------------------------------------------------------------- a cluster

ORDERS = (("one", "two", "three"), ("two", "three", "one"), ("three", "one", "two"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = stage.Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


def test_cluster_loses_members_and_comes_back(cluster, name):
    """P1, P7: An election goes on by itself over the loss of a minority, of the leading member, and of the majority."""
    # Six seconds: more than the cluster needs for an election of its own.
    with ExitStack() as stack:
        overlaps = Overlaps()
        setting = config(name, ttl=6.0, request_timeout=0.8, on_elected=overlaps.elected)
        elections = [stack.enter_context(LeaderElection(setting, cluster.url(*order))) for order in ORDERS]
        leader_of(elections)

        # A follower, killed: nobody notices for long.
        term = leader_of(elections).term
        minority = cluster.followers()[0]
        cluster.members[minority].kill()
        time.sleep(2.0)
        assert term.is_valid(), "the loss of a minority costs no leadership"
        cluster.mend()

        # The leader of the members, frozen: leases live on in the new one's hands.
        frozen = cluster.leader()
        cluster.members[frozen].freeze()
        can_hand_over(elections)
        cluster.mend()

        # The majority: nobody leads, until it is back.
        gone = cluster.followers()
        for lost in gone:
            cluster.members[lost].kill()
        stage.eventually(lambda: not any(election.is_leader() for election in elections))
        cluster.mend()
        can_hand_over(elections)
        overlaps.assert_none()


def test_candidate_of_a_frozen_member_is_deposed_before_another_leads(cluster, name):
    """P1: A leader that reaches only the leading member, which freezes, is deposed before another is elected."""
    with ExitStack() as stack:
        overlaps = Overlaps()
        setting = config(name, ttl=6.0, request_timeout=0.8, on_elected=overlaps.elected)
        frozen = cluster.leader()
        alone = stack.enter_context(LeaderElection(setting, cluster.url(frozen)))
        assert alone.wait_for_leadership(timeout=stage.PATIENCE) is not None
        second = stack.enter_context(LeaderElection(setting, cluster.url(*cluster.followers())))
        stage.eventually(second.is_follower)
        cluster.members[frozen].freeze()
        assert second.wait_for_leadership(timeout=60.0) is not None
        assert not alone.is_leader()
        cluster.mend()
        stage.eventually(lambda: len(stage.keys(cluster.members[frozen], name)) == 2)  # it has queued up again
        stage.eventually(lambda: handed_over(second, [alone]))
        overlaps.assert_none()


# ---------------------------------------------------------------- asyncio


def test_awaited_election_survives_an_outage(proxies, name):
    """P7: The same with `AsyncLeaderElection`."""
    proxy, _ = proxies

    async def scene() -> None:
        async with AsyncLeaderElection(config(name), f"etcd://{proxy}") as election:
            term = await election.wait_for_leadership(timeout=stage.PATIENCE)
            proxy.cut()
            await asyncio.sleep(OUTAGE)
            assert not term.is_valid()
            proxy.heal()
            again = await election.wait_for_leadership(timeout=stage.PATIENCE)
            assert again.token > term.token

    asyncio.run(scene())


def test_server_that_came_back_with_older_data(victim, tmp_path, name, opened):
    """P1: A backup may hold the keys of both in another order: who led sees that it is not the first any more."""
    url, patient = f"etcd://127.0.0.1:{victim.port}", stage.settings(60.0)
    first, second = (opened(url, patient).elector(name, candidate) for candidate in "ab")
    assert first.acquire_leadership() is not None
    assert second.acquire_leadership() is None
    data, backup = tmp_path / "victim", tmp_path / "backup"
    victim.stop()
    shutil.copytree(data, backup)
    victim.start()
    stage.eventually(lambda: asked(first.check_leadership) is not None)
    assert first.relinquish_leadership()
    stage.lead(second)
    assert first.acquire_leadership() is None
    victim.stop()
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    victim.start()
    stage.lead(first)
    stage.eventually(lambda: asked(second.check_leadership) is None, 10.0)
    assert first.check_leadership() is not None
    assert second.acquire_leadership() is None
    assert first.relinquish_leadership()
    assert second.acquire_leadership() is not None


def asked(call):
    """Return what *call* does once the server answers."""
    while True:
        try:
            return call()
        except BackendUnavailableError:
            time.sleep(0.05)
