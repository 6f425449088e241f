"""Broken wires and broken servers: elections go on by themselves, nothing spins, and logs stay quiet."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from contextlib import ExitStack

import etcd_stage as stage
import pytest
from etcd_stage import candidates, config, leader_of
from patience import goes_on, handed_over

from incumbent import AsyncLeaderElection, BackendUnavailableError, LeaderElection
from incumbent.testing import FaultProxy

#: Seconds during which a server is away in most tests: longer than the ttl.
OUTAGE = 1.5 * stage.TTL
#: Seconds during which processor time is measured, and the share of one core that is allowed.
WINDOW, SHARE = 6.0, 0.05
#: For who must stay leader: on a busy machine a renewal may take longer than the shortest ttl leaves.
ROOMY = {"ttl": 12.0, "request_timeout": 1.5, "leader_check_interval": 1.0}


def is_renewed(term, what="") -> None:
    """Wait until the same term has been renewed since now."""
    left = term.remaining()
    assert left, f"the term is over {what}"
    stage.eventually(lambda: term.remaining() > left or not term.is_valid())
    assert term.is_valid(), f"the term is over {what}"


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


def test_leaders_behind_broken_wires_are_succeeded(server, name):
    """P1, P7: A leader that cannot reach the server is deposed before another leads, and takes part again later."""
    with ExitStack() as stack:
        scenes = []
        for fault in FAULTS:  # side by side: each mostly waits
            ways = [stack.enter_context(FaultProxy("127.0.0.1", server.port)) for _ in range(2)]
            elections, _ = stack.enter_context(candidates(f"{name}/{fault}", *(f"etcd://{way}" for way in ways)))
            scenes.append((fault, ways, elections))
        broken = []
        for fault, ways, elections in scenes:
            leader = leader_of(elections)
            number = elections.index(leader)
            FAULTS[fault](ways[number])
            broken.append((fault, ways[number], leader, elections[1 - number]))
        for fault, _, leader, other in broken:
            assert other.wait_for_leadership(timeout=stage.PATIENCE) is not None, fault
            assert not leader.is_leader(), fault
        for _, way, _, _ in broken:
            way.heal()
        for fault, _, leader, other in broken:
            election = f"{name}/{fault}"
            stage.eventually(lambda election=election: len(stage.keys(server, election)) == 2)  # it has queued up again
            stage.eventually(lambda leader=leader, other=other: handed_over(other, [leader]))


def test_connections_that_are_reset_cost_no_leadership(proxies, name):
    """P7: Connections reset again and again, and slow ones, do not end a term, nor the news of the next."""
    first, second = proxies
    with candidates(name, *(f"etcd://{proxy}" for proxy in proxies), **ROOMY) as (elections, _):
        term = leader_of(elections).term
        second.delay(0.05)
        first.delay(0.05)
        for _ in range(6):
            time.sleep(0.5)
            first.reset()
            second.reset()
        is_renewed(term)
        goes_on(elections)


def test_answer_lost_after_the_claim_was_made(server, opened, name):
    """P7: A claim whose answer was lost is recognised as our own by the next attempt, and nothing is there twice."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(f"etcd://{proxy}", stage.BRIEF)
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


def test_servers_that_were_away_for_longer_than_the_ttl(victim, tmp_path, name):
    """P1, P7: When the server was away, nobody leads; afterwards one does, and hand-overs are told as before."""
    with ExitStack() as stack:
        killed, frozen = victim, stage.Etcd(tmp_path / "frozen")
        stack.callback(frozen.stop)
        frozen.start()
        scenes = []
        for server in (killed, frozen):  # side by side: each mostly waits
            where = f"etcd://127.0.0.1:{server.port}"
            elections, _ = stack.enter_context(candidates(name, where, where))
            scenes.append(elections)
        killed.kill()
        frozen.freeze()
        for elections in scenes:
            stage.eventually(lambda elections=elections: not any(election.is_leader() for election in elections))
        time.sleep(OUTAGE)
        frozen.thaw()
        killed.restart()
        for elections in scenes:
            goes_on(elections)


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
        before, began = time.process_time(), time.monotonic()
        time.sleep(WINDOW)
        share = (time.process_time() - before) / (time.monotonic() - began)
        assert share < SHARE, f"{share:.1%} of a core"
        assert threading.active_count() <= threads + 2
        assert len(caplog.records) <= 2, [record.getMessage() for record in caplog.records]
        victim.restart()
        goes_on(elections)


# ---------------------------------------------------------------- several endpoints


def test_first_endpoint_that_breaks_costs_no_leadership(server, name):
    """P7: When the endpoint in use dies or freezes, the leader goes on over the next one, in the same term."""
    with ExitStack() as stack:
        scenes = []
        for fault in ("cut", "frozen", "half-open to us"):  # side by side: each mostly waits
            first, second = (stack.enter_context(FaultProxy("127.0.0.1", server.port)) for _ in range(2))
            urls = f"etcd://{first},{second}", f"etcd://{second},{first}"
            elections, _ = stack.enter_context(candidates(f"{name}/{fault}", *urls, **ROOMY))
            scenes.append((fault, first, elections))
        terms = []
        for fault, first, elections in scenes:
            if not elections[0].is_leader():
                stage.eventually(lambda pair=elections: handed_over(pair[1], pair[:1]))
            terms.append((fault, stage.eventually(lambda elections=elections: elections[0].term)))
            FAULTS[fault](first)
        for fault, term in terms:
            is_renewed(term, fault)
        for _, _, elections in scenes:
            goes_on(elections)


def test_first_endpoint_that_is_broken_from_the_beginning(server, name):
    """P7: A candidate whose first endpoint is dead or frozen is elected over the second."""
    for fault in ("cut", "frozen"):
        with FaultProxy("127.0.0.1", server.port) as first, FaultProxy("127.0.0.1", server.port) as second:
            FAULTS[fault](first)
            with LeaderElection(config(f"{name}/{fault}"), f"etcd://{first},{second}") as election:
                assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None, fault


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
