"""What elections cost the server: news instead of polls, and one of everything for a thousand elections."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import postgres_stage as stage
import pytest

from incumbent import LeaderElection, LeaderElectionConfig, open_backend
from incumbent.testing import FaultProxy, free_port
from incumbent_postgres._watch import MOST_MARKS

WAITING = 50
ELECTIONS = 1000


def test_hand_over_among_50_waiting(victim, name):
    """P7: A hand-over among 50 waiting processes costs each of them two looks and a try at most, and is quick."""
    asked: list[bytes] = []

    def tap(way: str, data: bytes) -> None:
        if way == "to server":
            asked.append(data)

    with FaultProxy("127.0.0.1", victim.port, tap=tap) as proxy, ExitStack() as stack:
        url = f"postgres://postgres@{proxy}/postgres"
        config = LeaderElectionConfig(name, ttl=60.0, request_timeout=10.0, relinquish_interval=None, cooldown=50.0)
        # A backend of its own for each: as in processes of their own.
        backends = [open_backend(url, stage.settings(60.0, 10.0)) for _ in range(WAITING + 1)]
        elections = [
            LeaderElection(config, backend.elector(name, str(number))) for number, backend in enumerate(backends)
        ]
        for backend in backends:
            stack.callback(backend.close)
        for election in elections:
            stack.enter_context(election)
        leader = stage.eventually(lambda: next((one for one in elections if one.is_leader()), None))
        stage.eventually(lambda: sum(one.is_follower() for one in elections) == WAITING)
        stage.eventually(lambda: stage.connections(victim) >= WAITING + 1)
        asked.clear()
        began = time.monotonic()
        leader.relinquish()
        stage.eventually(lambda: any(one.is_leader() for one in elections if one is not leader))
        took = time.monotonic() - began
        time.sleep(1.0)
        messages = b"".join(asked)
    tries = messages.count(b"pg_advisory_xact_lock")
    looks = messages.count(b"e.lock_id IN (")
    assert took < config.leader_check_interval / 2
    assert 1 <= tries <= WAITING
    assert looks <= 2 * WAITING + 10, looks


def test_hand_over_says_how_many_wait(victim, opened, name):
    """P7: Who waits is counted, so that of hundreds a few try at once; who has left, or waits for very many, is not."""
    ttls = [60.0, 3.0, 3.0, 3.0, 3.0]  # of the leader; and of the others, who look, and show themselves, that often
    backends = [opened(victim.url, stage.settings(ttl)) for ttl in ttls]
    electors = [backend.elector(name, str(number)) for number, backend in enumerate(backends)]
    told: list[tuple[str, int]] = []
    tell = backends[1].beats.tell

    def hear(lock_id: str, *, is_free: bool, waiting: int = 0, **news: object) -> None:
        tell(lock_id, is_free=is_free, waiting=waiting, **news)
        if is_free:
            told.append((lock_id, waiting))

    backends[1].beats.tell = hear
    stage.lead(electors[0])
    for elector in electors[1:]:
        assert elector.acquire_leadership() is None
    marks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    stage.eventually(lambda: victim.sql(marks) == [(5,)])
    for number in range(MOST_MARKS):
        backends[4].elector(f"{name}/{number}", "many").observe_leadership()
    electors[3].close()
    stage.eventually(lambda: victim.sql(marks) == [(3,)])
    assert electors[0].relinquish_leadership()
    stage.eventually(lambda: told)
    assert told == [(name, 3)]


def test_hand_over_is_told_without_notifications(server, opened, name, monkeypatch):
    """P7: Where notifications are lost, as behind a pooler, the watch's own look finds the hand-over."""
    backend = opened()
    monkeypatch.setattr(backend.beats, "tell", lambda *_, **__: None)
    leader, follower = opened().elector(name, "a"), backend.elector(name, "b")
    told = threading.Event()
    follower.notify = told.set
    stage.lead(leader)
    assert follower.acquire_leadership() is None
    told.clear()
    leader.relinquish_leadership()
    assert told.wait(stage.PATIENCE)
    assert follower.acquire_leadership() is not None


def test_silence_is_told_on_time(opened, name):
    """P7: A leader that falls silent is succeeded a ttl and a look later, by who does nothing but wait for news."""
    leader, follower = opened(settings=stage.SHORT).elector(name, "a"), opened(settings=stage.SHORT).elector(name, "b")
    told = threading.Event()
    follower.notify = told.set
    claim = stage.lead(leader)
    assert follower.acquire_leadership() is None
    while follower.acquire_leadership() is None:
        told.clear()
        assert told.wait(stage.PATIENCE)
    assert follower._clock() - claim.sent < 3 * stage.TTL


def test_coming_and_going_in_an_outage_blocks_nobody():
    """P10: However many elections begin and end while the watch cannot connect, none of them waits for it."""
    backend = open_backend(f"postgres://127.0.0.1:{free_port()}/postgres", stage.settings())
    elector = backend.elector("reports", "a")

    def come_and_go() -> None:
        for _ in range(70_000):  # more than a pipe holds
            backend.beats.follow(elector)
            backend.beats.leave(elector)

    crowd = threading.Thread(target=come_and_go, daemon=True)
    crowd.start()
    crowd.join(stage.PATIENCE)
    assert not crowd.is_alive()
    backend.close()


@pytest.mark.thorough
def test_thousand_elections_share_everything(victim, opened, name):
    """P8: 1,000 elections of one process have one session, three connections, and one thread more than the engine's."""
    setting = {"ttl": 20.0, "request_timeout": 5.0, "relinquish_interval": None}
    backend = opened(victim.url, stage.settings(20.0, 5.0))

    def made(number: int) -> LeaderElection:
        lock_id = f"{name}/{number}"
        return LeaderElection(LeaderElectionConfig(lock_id, **setting), backend.elector(lock_id, "a"))

    with made(0) as one:
        one.wait_for_leadership(timeout=stage.PATIENCE)
        threads = {thread.name for thread in threading.enumerate()}
        elections = [made(number) for number in range(1, ELECTIONS)]
        with ThreadPoolExecutor(20) as closing, ExitStack() as stack:
            stack.callback(lambda: list(closing.map(LeaderElection.close, elections)))
            for election in elections:
                election.start()
            stage.eventually(lambda: all(election.is_leader() for election in elections), 60.0)
            assert victim.sql("SELECT count(*) FROM incumbent.session") == [(1,)]
            assert victim.sql("SELECT count(*) FROM incumbent.election") == [(ELECTIONS,)]
            assert stage.connections(victim) <= 3
            grown = {thread.name for thread in threading.enumerate()} - threads
            assert len(grown) <= 16 + 1, grown  # the engine's two pools of eight, and who logs
            renewals = "SELECT beat FROM incumbent.session"
            beats = set()
            end = time.monotonic() + 5.0
            while time.monotonic() < end:
                beats.add(victim.sql(renewals)[0][0])
                time.sleep(0.01)
            # Each of them was checked at least once: without sharing, that were 1,000 renewals.
            assert 1 <= len(beats) <= 100, len(beats)
    backend.close()
    assert victim.sql("SELECT count(*) FROM incumbent.session") == [(0,)]


def test_nothing_is_left_running(victim, opened, name):
    """P8: After a close there is no thread, and no connection."""
    backend = opened(victim.url)
    stage.lead(backend.elector(name, "a"))
    stage.eventually(lambda: stage.connections(victim) == 2)
    backend.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("incumbent-postgres")] == []
    stage.eventually(lambda: stage.connections(victim) == 0)
