"""What goes wrong elsewhere: each trap is sprung first, on the library or the server, and then avoided by us."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress

import etcd_stage as stage
import pytest

from incumbent import (
    BackendSettings,
    ConfigurationError,
    LeaderElection,
    LeaderElectionConfig,
    boottime,
    observe,
    open_backend,
)
from incumbent.testing import FaultProxy, Outsider
from incumbent_etcd._lease import Lease
from incumbent_etcd._library import load


@pytest.fixture
def etcd3(server):
    """python-etcd3's own client."""
    client = load().etcd3.client(port=server.port, timeout=5)
    yield client
    client.close()


def lease_of(server, name: str, candidate: str) -> int:
    return int(stage.keys(server, name)[candidate].rpartition("/")[2], 16)


# ---------------------------------------------------------------- renewing proves little


def test_renewal_of_a_dead_lease_is_no_error(server, etcd3, opened, name):
    """Trap: refreshing a lease that was revoked raises nothing, and answers ttl 0. A check says: lost."""
    elector = opened().elector(name, "a")
    assert elector.acquire_leadership() is not None
    lease = lease_of(server, name, "a")
    server.ctl("lease", "revoke", f"{lease:x}")
    (answer,) = etcd3.refresh_lease(lease)
    assert answer.TTL == 0
    assert elector.check_leadership() is None


def test_renewal_works_though_the_key_was_deleted(server, etcd3, opened, name):
    """Trap: a lease lives on when the key on it is deleted. A check looks for the key, not for the lease alone."""
    elector = opened().elector(name, "a")
    first = elector.acquire_leadership()
    lease = lease_of(server, name, "a")
    server.ctl("del", "--prefix", f"{name}/")
    (answer,) = etcd3.refresh_lease(lease)
    assert answer.TTL > 0
    assert elector.check_leadership() is None
    assert elector.acquire_leadership().token > first.token


def test_overwritten_key_hangs_on_no_lease(server, opened, name):
    """Trap: who puts a value into a key takes it off its lease: it stays for ever. We say lost, and remove it."""
    backend = opened()
    elector, second = backend.elector(name, "a"), opened().elector(name, "b")
    assert elector.acquire_leadership() is not None
    assert second.acquire_leadership() is None
    key = stage.keys(server, name)["a"]
    server.ctl("put", key, "operator")
    assert '"Lease" : 0' in server.ctl("get", key, "-w", "fields")
    assert elector.check_leadership() is None
    assert list(stage.keys(server, name)) == ["b"]
    assert second.acquire_leadership() is not None


def test_overwritten_key_of_a_candidate_that_waits(server, opened, name):
    """Trap: the same for a key in the queue; its candidate makes a new one, at the end of the queue."""
    leader, waiting, last = (opened().elector(name, candidate) for candidate in "abc")
    assert leader.acquire_leadership() is not None
    assert waiting.acquire_leadership() is None
    assert last.acquire_leadership() is None
    server.ctl("put", stage.keys(server, name)["b"], "operator")
    assert waiting.acquire_leadership() is None
    leader.relinquish_leadership()
    assert waiting.acquire_leadership() is None
    assert last.acquire_leadership() is not None
    assert set(stage.keys(server, name)) == {"b", "c"}


def test_no_phantom_leader_after_waiting(server, opened, name):
    """Trap: when the key before ours goes, ours may have gone too. Who waited reads its own key first (P5)."""
    leader, waiting, behind = (opened(settings=stage.SHORT).elector(name, candidate) for candidate in "abc")
    assert leader.acquire_leadership() is not None
    assert waiting.acquire_leadership() is None
    assert behind.acquire_leadership() is None
    server.ctl("lease", "revoke", f"{lease_of(server, name, 'b'):x}")
    leader.relinquish_leadership()
    assert list(stage.keys(server, name)) == ["c"], "the key before b's is gone, and nobody tells it that its own is"
    assert waiting.acquire_leadership() is None
    assert behind.acquire_leadership() is not None


# ---------------------------------------------------------------- time


def test_guarantee_is_what_was_granted(tmp_path, name):
    """Trap: etcd grants at least one and a half election timeouts. The guarantee is what was granted, not asked for."""
    server = stage.Etcd(tmp_path, arguments=["--heartbeat-interval", "500", "--election-timeout", "4000"])
    server.start()
    try:
        backend = open_backend(f"etcd://127.0.0.1:{server.port}", BackendSettings(2.0, 20.0))
        elector = backend.elector(name, "a")
        assert elector.acquire_leadership().guarantee == 6.0
        assert elector.check_leadership().guarantee == 6.0
        backend.close()
    finally:
        server.stop()


def test_ttl_is_rounded_up(opened, name):
    """Trap: a ttl is a whole number on the wire. It is rounded up, so that nobody gets less than was asked for."""
    assert opened(settings=stage.settings(2.1)).elector(name, "a").acquire_leadership().guarantee == 3.0
    for ttl in (1.9, 1e10):
        with pytest.raises(ConfigurationError, match="etcd grants 2 to"):
            opened(settings=stage.settings(ttl))


def test_ttl_is_counted_from_before_the_request(server, opened, name):
    """Trap: an answer that comes late says nothing of now. *sent* is read before the request (P2)."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(f"etcd://{proxy}", stage.settings(60.0))
        elector = backend.elector(name, "a")
        assert elector.acquire_leadership() is not None
        proxy.delay(0.4)
        before = boottime()
        claim = elector.check_leadership()
        assert before <= claim.sent <= boottime() - 0.8
        proxy.heal()
        backend.close()  # while it can give its lease back


# ---------------------------------------------------------------- leases


def test_failed_tries_leave_no_lease(server, etcd3, opened, name):
    """Trap: python-etcd3's lock leaves a lease behind at each failed try. A thousand of ours use one."""
    held = etcd3.lock(f"{name}-lock", ttl=60)
    assert held.acquire(timeout=5)
    before = stage.leases(server)
    for _ in range(3):
        with suppress(TypeError):  # with a newer tenacity, also that
            assert not etcd3.lock(f"{name}-lock", ttl=5).acquire(timeout=0)
    assert len(stage.leases(server) - before) == 3

    patient = stage.settings(600.0)  # a leader that asks no more must last for a thousand tries
    assert opened(settings=patient).elector(name, "a").acquire_leadership() is not None
    before = stage.leases(server)
    second = opened().elector(name, "b")
    for _ in range(1000):
        assert second.acquire_leadership() is None
    assert len(stage.leases(server) - before) == 1
    assert len(stage.keys(server, name)) == 2


def test_lease_that_is_lost_while_following_is_replaced(server, url, name):
    """P7: A follower whose lease has gone queues up again by itself, with a new one, and is elected in its turn."""
    config = LeaderElectionConfig(name, ttl=stage.TTL, request_timeout=0.5, relinquish_interval=None, candidate="b")
    leader = open_backend(url, stage.settings(60.0))
    first = leader.elector(name, "a")
    assert first.acquire_leadership() is not None
    with LeaderElection(config, url) as election:
        stage.eventually(lambda: "b" in stage.keys(server, name))
        lost = lease_of(server, name, "b")
        server.ctl("lease", "revoke", f"{lost:x}")
        stage.eventually(lambda: "b" in stage.keys(server, name))
        assert lease_of(server, name, "b") != lost
        leader.close()
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_put_on_a_dead_lease_is_repeated_with_a_new_one(server, opened, name):
    """Trap: a key cannot be put on a lease that has expired meanwhile. The same attempt gets a new lease."""
    elector = opened(settings=stage.settings(60.0)).elector(name, "a")
    assert elector.acquire_leadership() is not None
    assert elector.relinquish_leadership() is True
    for lease in stage.leases(server):
        stage.revoke(server, lease)
    assert elector.acquire_leadership() is not None


def test_grant_of_an_id_that_exists_is_an_error_and_is_recognised(server, url, opened):
    """Trap: granting a lease again is refused; we take it for what it is, an answer that was lost."""
    connection = opened(url).connection
    lease = Lease(connection, 10, boottime)
    lease.grant()
    again = Lease(connection, 30, boottime)
    again.id = lease.id
    again.grant()
    assert again.ttl == 10.0
    assert again.renewal(-1.0).answer.ttl == 10.0


# ---------------------------------------------------------------- the queue


def test_candidate_that_died_waiting_does_not_block_the_queue(server, url, opened, name):
    """P7: A waiting candidate that is killed leaves the queue within its ttl, and those behind it close up."""
    leader, last = opened().elector(name, "a"), opened().elector(name, "c")
    assert leader.acquire_leadership() is not None
    with Outsider(url, stage.TTL, stage.REQUEST_TIMEOUT, name, "b") as waiting:
        assert waiting.claim is None
        assert last.acquire_leadership() is None
        waiting.kill()
    stage.eventually(lambda: "b" not in stage.keys(server, name))
    leader.relinquish_leadership()
    assert last.acquire_leadership() is not None


def test_engine_that_is_silent_when_its_turn_comes_loses_its_place(server, opened, name):
    """P7: The lease of a process is renewed on a thread; one that is told and does not ask is dead all the same."""
    leader, silent, last = (opened(settings=stage.SHORT).elector(name, candidate) for candidate in "abc")
    assert leader.acquire_leadership() is not None
    assert silent.acquire_leadership() is None
    assert last.acquire_leadership() is None
    time.sleep(1.5 * stage.TTL)  # waiting in silence is what followers do
    assert leader.check_leadership() is None, "a leader that did not check for longer than the ttl has lost"
    assert leader.acquire_leadership() is None
    assert "b" in stage.keys(server, name)
    told = threading.Event()
    last.notify = told.set
    assert told.wait(3 * stage.TTL)
    assert last.acquire_leadership() is not None
    assert silent.acquire_leadership() is None


def test_silent_leader_does_not_take_the_others_of_its_process_with_it(opened, name):
    """P1: Elections of one process share a lease: one that is silent loses its own claim, and no other."""
    backend = opened(settings=stage.SHORT)
    silent, lively = backend.elector(f"{name}/silent", "a"), backend.elector(f"{name}/lively", "a")
    assert silent.acquire_leadership() is not None
    token = lively.acquire_leadership().token
    rival = opened(settings=stage.SHORT).elector(f"{name}/silent", "b")
    end = time.monotonic() + stage.PATIENCE
    while rival.acquire_leadership() is None:
        assert time.monotonic() < end
        assert lively.check_leadership().token == token
        time.sleep(0.2)
    assert silent.check_leadership() is None


# ---------------------------------------------------------------- watching


def test_compaction_under_a_watch(victim, name):
    """Trap: a watch from a revision that was compacted is cancelled. It is made anew behind the gap, once, and told."""
    with FaultProxy("127.0.0.1", victim.port) as proxy:
        config = LeaderElectionConfig(name, ttl=20.0, request_timeout=2.0, relinquish_interval=None)
        with LeaderElection(config, f"etcd://{proxy}") as election:
            term = election.wait_for_leadership(timeout=stage.PATIENCE)
            for number in range(3):
                victim.ctl("put", "other", str(number))
            compact(victim)
            before = requests(victim)
            proxy.reset()  # so that the leader makes its watch anew: from its own revision, which is compacted
            time.sleep(2.0)
            assert requests(victim) - before < 30, "it asks, and watches, and is refused, and asks"
            assert term.is_valid()
            # The watch behind the gap works: the loss is noticed long before the next check.
            victim.ctl("del", "--prefix", name)
            stage.eventually(lambda: not term.is_valid(), 1.0)


def requests(server) -> float:
    counts = server.metrics().items()
    return sum(value for line, value in counts if line.startswith("grpc_server_msg_received_total"))


def compact(server) -> None:
    """Compact up to now."""
    fields = server.ctl("get", "other", "-w", "fields")
    server.ctl("compact", fields.split('"Revision" : ')[1].split()[0])


def test_watcher_of_the_library_spins_after_a_servers_death(victim):
    """Trap: python-etcd3's watcher uses a whole core once its server is dead. That is why its watch is not used."""
    program = """
    import sys, time
    from incumbent_etcd._library import load
    client = load().etcd3.client(port=int(sys.argv[1]), timeout=2)
    client.add_watch_callback("key", lambda event: None)
    print("watching", flush=True)
    sys.stdin.readline()
    end, used = time.monotonic() + float(sys.argv[2]), time.process_time() + 1.0
    while time.process_time() < used and time.monotonic() < end:
        time.sleep(0.1)
    print("spins" if time.process_time() >= used else "rests", flush=True)
    import os
    os._exit(0)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(victim.port), str(stage.PATIENCE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout.readline() == "watching\n"
    victim.kill()
    found, _ = child.communicate("go\n", timeout=2 * stage.PATIENCE)
    assert found == "spins\n", "it was a trap: it is to be looked at again"


def test_observer_sees_what_happened_during_an_outage(victim, name):
    """P7: Who observes is shown the leader that was elected while its stream of watches was broken."""
    stop = threading.Event()
    seen: list[str | None] = []
    with FaultProxy("127.0.0.1", victim.port) as proxy:

        def watch() -> None:
            seen.extend(record.candidate for record in observe(f"etcd://{proxy}", name, stop=stop))

        thread = threading.Thread(target=watch)
        thread.start()
        stage.eventually(lambda: seen == [None])
        proxy.cut()
        backend = open_backend(f"etcd://127.0.0.1:{victim.port}", stage.settings(60.0))
        assert backend.elector(name, "a").acquire_leadership() is not None
        proxy.heal()
        stage.eventually(lambda: seen[-1] == "a")
        backend.close()
        stage.eventually(lambda: seen[-1] is None)
        stop.set()
        thread.join(stage.PATIENCE)


# ---------------------------------------------------------------- the doctor


def test_doctor_finds_nothing_wrong_with_a_good_server(url):
    """Item 8: `incumbent doctor` shows each server, its version, the ttl and the libraries, and ends with 0."""
    program = """
        import faulthandler, sys
        faulthandler.dump_traceback_later(50.0, exit=True)  # should it hang, it says where
        from incumbent.cli import main
        sys.exit(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(program), "doctor", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60.0)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in ("etcd 3.", "client libraries: etcd3 0.12.0", "ttl 15 s is granted", "can hand over", "not encrypted"):
        assert text in done.stdout


def test_doctor_names_the_server_that_is_away_and_campaigns_over_the_others(url, server):
    """Item 8: A dead endpoint is an error with its remedy; the trial election is held over one that lives."""
    backend = open_backend(f"etcd://127.0.0.1:1,127.0.0.1:{server.port}", stage.settings(15.0))
    found = list(backend.diagnose())
    backend.close()
    bad = [finding for finding in found if finding.level == "error"]
    assert [finding.text for finding in bad] == ["etcd 127.0.0.1:1: connection refused"]
    assert bad[0].remedy
    assert any("answers within" in finding.text for finding in found)
