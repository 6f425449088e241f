"""A fail-over to a replica, which may not have seen the newest claim: what is promised over it, and what is not."""

from __future__ import annotations

import pytest
import redis_stage as stage

from incumbent import BackendRejectedError, BackendUnavailableError
from incumbent.testing import free_port


@pytest.fixture
def trio(tmp_path):
    with stage.Trio(tmp_path) as made:
        stage.come_of_age(made.primary)
        yield made


def test_leader_goes_on_over_a_failover(trio, name, opened):
    """P7: a claim that the replica has seen is renewed there; nobody else is elected meanwhile."""
    patient = stage.settings(ttl=60)  # a fail-over takes its time
    leader, other = opened(trio.url, patient).elector(name, "a"), opened(trio.url, patient).elector(name, "b")
    first = stage.lead(leader)
    assert other.acquire_leadership() is None
    with stage.client(trio.replica) as asking:
        stage.eventually(lambda: asking.hget(f"{{incumbent}}:{name}", "token") == str(first.token))
    trio.primary.kill()
    trio.promote()
    renewed = stage.eventually(lambda: _answer(leader.check_leadership))[0]
    assert renewed is not None
    assert renewed.token == first.token
    assert stage.attempt(other) is None


def test_claim_that_the_replica_has_not_seen_makes_no_second_leader(trio, name, opened):
    """P1, P4: a claim that is lost in a fail-over has passed, before the next, greater one begins."""
    leader, other = opened(trio.url, stage.SHORT).elector(name, "a"), opened(trio.url, stage.SHORT).elector(name, "b")
    assert leader.acquire_leadership() is not None  # connected, both
    assert other.acquire_leadership() is None
    assert leader.relinquish_leadership()
    with stage.client(trio.replica) as asking:
        stage.eventually(lambda: f"{{incumbent}}:{name}" not in set(asking.scan_iter()))
        trio.replica.freeze()
        claim = leader.acquire_leadership()
        assert claim is not None
        trio.primary.kill()
        trio.replica.thaw()
        # What the primary had sent is in the replica's socket: as if it had been lost on the way.
        asking.execute_command("REPLICAOF", "NO", "ONE")
        asking.delete(f"{{incumbent}}:{name}")
        asking.execute_command("REPLICAOF", "127.0.0.1", trio.primary.port)
    trio.promote()
    successor = stage.lead(other)
    assert successor.sent - claim.sent >= 0.99 * claim.guarantee
    assert successor.token > claim.token
    assert stage.eventually(lambda: _answer(leader.check_leadership)) == [None]


def test_claim_waits_for_the_replicas(trio, name, opened):
    """P1: with replicas=1 a claim, or its renewal, counts only when the replica has it."""
    backend = opened(f"{trio.url}&replicas=1", stage.settings(request_timeout=1.5))
    elector = backend.elector(name, "a")
    first = stage.lead(elector)
    trio.replica.freeze()
    with pytest.raises(BackendUnavailableError, match="0 of 1 replicas"):
        elector.check_leadership()
    with pytest.raises(BackendUnavailableError, match="0 of 1 replicas"):
        backend.elector(f"{name}/new", "a").acquire_leadership()
    trio.replica.thaw()
    renewed = stage.eventually(lambda: _answer(elector.check_leadership))[0]
    assert renewed is not None
    assert renewed.token == first.token


def test_replica_is_no_server_for_elections(trio, name, opened):
    """P10: a URL that leads to a replica is an outage that says what it is, for it may be promoted yet."""
    elector = opened(stage.url(trio.replica)).elector(name, "a")
    with pytest.raises(BackendUnavailableError, match="is a replica"):
        elector.acquire_leadership()


def test_unknown_primary_is_rejected(trio, name, opened):
    """Rule 2: a name that the Sentinel does not know is refused for good, in one line."""
    where = f"redis://127.0.0.1:{trio.sentinel.port}?sentinel=nobody"
    with pytest.raises(BackendRejectedError, match="watches no primary named 'nobody'"):
        opened(where).elector(name, "a").acquire_leadership()


def test_dead_sentinel_is_passed_over(trio, name, opened):
    """P7: of several Sentinels one that answers is enough, and a silent one leaves time to ask it."""
    with stage.FaultProxy("127.0.0.1", trio.sentinel.port) as silent:
        silent.freeze()
        where = f"redis://{silent},127.0.0.1:{trio.sentinel.port}?sentinel=elections"
        assert opened(where).elector(name, "a").acquire_leadership() is not None
        assert silent.accepted, "the silent one was not asked first"


def test_sentinel_that_does_not_know_the_name_is_passed_over(trio, tmp_path, name, opened):
    """P7: one Sentinel that refuses is not the end while another knows the primary, or may when it is reached."""
    with stage.running(stage.Server(tmp_path / "ignorant", sentinel="\n")) as ignorant:
        first = f"redis://127.0.0.1:{ignorant.port}"
        where = f"{first},127.0.0.1:{trio.sentinel.port}?sentinel=elections"
        assert opened(where).elector(name, "a").acquire_leadership() is not None
        where = f"{first},127.0.0.1:{free_port()}?sentinel=elections"
        with pytest.raises(BackendUnavailableError):
            opened(where).elector(name, "b").acquire_leadership()
        with pytest.raises(BackendRejectedError, match="watches no primary"):
            opened(f"{first}?sentinel=elections").elector(name, "c").acquire_leadership()


def test_sentinels_are_asked_in_turn_whatever_another_thread_finds(trio, tmp_path, name, opened, monkeypatch):
    """P7: Each Sentinel is asked once, even if the thread of the news finds meanwhile which of them answers."""
    with stage.running(stage.Server(tmp_path / "ignorant", sentinel="\n")) as ignorant:
        where = f"redis://127.0.0.1:{ignorant.port},127.0.0.1:{trio.sentinel.port}?sentinel=elections"
        backend = opened(where)
        sentinels, asked = backend.store._sentinels, []
        told = sentinels._told

        def overtaken(endpoint, *arguments):
            asked.append(endpoint.port)
            try:
                return told(endpoint, *arguments)
            finally:
                sentinels._answering = 1  # as the other thread does, which was a little faster

        monkeypatch.setattr(sentinels, "_told", overtaken)
        with backend.store.lent():
            assert asked == [ignorant.port, trio.sentinel.port]


def test_replica_that_writes_its_first_file_ends_by_itself(tmp_path):
    """P8: Redis refuses to end while it writes its first appendonly file: a server that is stopped is asked again."""
    with stage.running(stage.Server(tmp_path / "primary")) as primary, stage.client(primary) as asking:
        for number in range(10):
            asking.set(f"key {number}", "to be written slowly")
        slow = ("--replicaof", "127.0.0.1", str(primary.port), "--rdb-key-save-delay", "100000")
        with stage.running(stage.Server(tmp_path / "replica", arguments=slow)) as replica:
            with stage.client(replica) as asked:
                stage.eventually(lambda: asked.info("persistence")["aof_rewrite_in_progress"])
            replica.stop()
    log = (tmp_path / "replica" / "log").read_text()
    assert "t exit" in log, "it has not been asked while it could not"
    assert "bye bye" in log


def _answer(call):
    """Return the answer in a list, or None in an outage."""
    try:
        return [call()]
    except BackendUnavailableError:
        return None
