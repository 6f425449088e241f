"""Servers that die, freeze and are succeeded: several hosts in the URL, a standby that is promoted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import postgres_stage as stage
import pytest

from incumbent import BackendUnavailableError, LeaderElection, LeaderElectionConfig
from incumbent.testing import free_port


def url_of(*ports: int) -> str:
    return f"postgres://postgres@{','.join(f'127.0.0.1:{port}' for port in ports)}/postgres"


@pytest.fixture
def pair() -> Iterator[stage.Pair]:
    made = stage.Pair()
    yield made
    made.close()


def test_dead_first_host_costs_no_call(server, opened, name):
    """P7: Hosts that refuse connections are passed over within one call."""
    elector = opened(url_of(free_port(), free_port(), server.port)).elector(name, "a")
    assert elector.acquire_leadership() is not None


def test_frozen_first_host_costs_one_call(server, victim, opened, name):
    """P10: A host that takes connections and is silent costs one call its timeout; the next is for the next host."""
    elector = opened(url_of(victim.port, server.port), stage.BRIEF).elector(name, "a")
    victim.freeze()
    began = time.monotonic()
    with pytest.raises(BackendUnavailableError, match="no answer within"):
        elector.acquire_leadership()
    assert time.monotonic() - began < stage.REQUEST_TIMEOUT + 5.0
    stage.lead(elector, 3 * stage.REQUEST_TIMEOUT + 5.0)
    victim.thaw()


def test_name_is_resolved(server, opened, name):
    """Contract: A host may be given by name, with all of its addresses."""
    url = f"postgres://postgres@localhost:{server.port}/postgres"
    assert opened(url).elector(name, "a").acquire_leadership() is not None
    with pytest.raises(BackendUnavailableError, match="cannot be resolved"):
        opened("postgres://host.invalid/postgres").elector(name, "b").acquire_leadership()


def test_resolver_that_hangs_costs_a_call_its_timeout(opened, name, monkeypatch):
    """P10: A call ends in time while the resolver does not answer, and however often is asked, no more threads wait."""
    answer = threading.Event()

    def hang(*_: object, **__: object):
        answer.wait(stage.PATIENCE)
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    elector = opened("postgres://a-name/postgres", stage.BRIEF).elector(name, "a")
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError, match="no answer within"):
            elector.acquire_leadership()
        assert time.monotonic() - began < stage.REQUEST_TIMEOUT + 5.0
    waiting = [thread for thread in threading.enumerate() if thread.name == "incumbent-name"]
    assert 1 <= len(waiting) <= 2  # the call's and the watch's, if both have begun at once
    answer.set()
    for thread in waiting:
        thread.join(stage.PATIENCE)
        assert not thread.is_alive()


def test_standby_is_passed_over(pair, opened, name):
    """P1: A connection that would land on a standby goes on to the server that takes writes."""
    primary, standby = pair.primary, pair.standby
    elector = opened(url_of(standby.port, primary.port)).elector(name, "a")
    assert elector.acquire_leadership() is not None
    with pytest.raises(BackendUnavailableError, match="a standby, which is read-only: name its primary"):
        opened(url_of(standby.port)).elector(name, "b").acquire_leadership()


def test_election_goes_on_when_the_standby_is_promoted(pair, name):
    """P1, P4, P7: The primary dies, its synchronous standby is promoted: the leader leads on, and tokens grow."""
    primary, standby = pair.primary, pair.standby
    url = url_of(primary.port, standby.port)
    # A fail-over takes its time on a busy machine, and the leader is to survive it.
    config = LeaderElectionConfig(name, ttl=20.0, request_timeout=1.0, relinquish_interval=None)
    with ExitStack() as stack:
        elections = [stack.enter_context(LeaderElection(config, url)) for _ in range(2)]
        leader = stage.eventually(lambda: next((one for one in elections if one.is_leader()), None))
        (follower,) = [one for one in elections if one is not leader]
        term = leader.wait_for_leadership(timeout=stage.PATIENCE)
        primary.kill()
        standby.promote()
        deadline = term.remaining()
        stage.eventually(lambda: term.remaining() > deadline or not term.is_valid())
        assert term.is_valid(), "it was renewed on the new primary"
        leader.relinquish()
        successor = follower.wait_for_leadership(timeout=stage.PATIENCE)
        assert successor.token > term.token


def test_silence_is_counted_anew_after_a_promotion(pair, opened, name, monkeypatch):
    """P1: Who has seen silence on the old primary waits for a full ttl on the new one before it takes over."""
    primary, standby = pair.primary, pair.standby
    url = url_of(primary.port, standby.port)
    a, backend = opened(url, stage.SHORT).elector(name, "a"), opened(url, stage.SHORT)
    b, saw = backend.elector(name, "b"), backend.beats.sightings.saw
    began: dict[str, float] = {}

    def noting(lock_id, record):  # its attempts and its watch look, whichever is first
        server, _, _ = record.beat.partition(" ")
        began.setdefault(server, time.monotonic())
        return saw(lock_id, record)

    monkeypatch.setattr(backend.beats.sightings, "saw", noting)
    stage.lead(a)
    assert b.acquire_leadership() is None
    time.sleep(stage.TTL / 2)
    primary.kill()
    standby.promote()
    stage.lead(b)
    _, anew = began.values()
    assert time.monotonic() - anew >= stage.TTL


def test_asynchronous_fail_over_may_lose_a_claim(victim, opened, name):
    """The exception to P1 that the page tells: a claim that no standby has is won again, and its leader told."""
    standby = stage.Postgres(primary=victim)
    url = url_of(victim.port, standby.port)
    a, b = opened(url).elector(name, "a"), opened(url).elector(name, "b")
    try:
        stage.lead(opened(victim.url).elector(f"{name}/other", "a"))  # makes the tables
        standby.start()
        written = "SELECT pg_current_wal_lsn() <= replay_lsn FROM pg_stat_replication"
        stage.eventually(lambda: victim.sql(written) == [(True,)])
        standby.kill()
        stage.lead(a)
        victim.kill()
        standby.restart()
        standby.promote()
        stage.lead(b)  # the trap; and its token may be that of the lost claim
        told = stage.eventually(lambda: told_by(a))
        assert told == [None]
    finally:
        standby.stop()


def told_by(elector):
    """Return the answer to a check, in a list, or nothing if there is none yet."""
    try:
        return [elector.check_leadership()]
    except BackendUnavailableError:
        return []


def test_restart_of_the_server_is_survived(victim, name):
    """P7: A leader whose server dies and comes back within its deadline leads on, by itself."""
    config = LeaderElectionConfig(name, ttl=20.0, request_timeout=1.0, relinquish_interval=None)
    with LeaderElection(config, victim.url) as election:
        term = election.wait_for_leadership(timeout=stage.PATIENCE)
        victim.kill()
        victim.restart()
        deadline = term.remaining()
        stage.eventually(lambda: term.remaining() > deadline or not term.is_valid())
        assert term.is_valid()
