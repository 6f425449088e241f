"""The same election as etcd's own tools: `etcdctl elect` and our candidates, in every mixture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import etcd_stage as stage
import pytest

from incumbent import LeaderElection, LeaderElectionConfig, observe
from incumbent.testing import Outsider

CONFIG = {"ttl": stage.TTL, "request_timeout": 0.5, "relinquish_interval": None}


def config(name: str, **values: object) -> LeaderElectionConfig:
    return LeaderElectionConfig(name, **{**CONFIG, **values})


def test_etcdctl_leads_and_we_wait_until_it_resigns(server, url, name):
    """P1, P7: While `etcdctl elect` leads, our candidate is a follower; when it resigns, ours leads at once."""
    with stage.Elect(server, name, "other") as other:
        stage.eventually(lambda: other.leads)
        with LeaderElection(config(name), url) as election:
            stage.eventually(election.is_follower)
            assert election.wait_for_leadership(timeout=1.0) is None
            began = time.monotonic()
            other.resign()
            assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None
            # The follower's poll would take five check intervals.
            assert time.monotonic() - began < 5 * election.config.follower_check_interval


def test_etcdctl_is_killed_and_we_lead(server, url, name):
    """P7: When the lease of an `etcdctl elect` that was killed ends, our candidate leads."""
    with stage.Elect(server, name, "other") as other, LeaderElection(config(name), url) as election:
        stage.eventually(lambda: other.leads or election.is_leader())
        if election.is_leader():
            election.relinquish()
        stage.eventually(lambda: other.leads)
        other.kill()
        lease = stage.keys(server, name)["other"].rpartition("/")[2]
        server.ctl("lease", "revoke", lease)  # its own ttl of 60 s is not worth waiting for
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_etcdctl_waits_for_us_and_leads_when_we_leave(server, url, name):
    """P1, P8: While our candidate leads, `etcdctl elect` waits; when ours leaves, it leads."""
    with LeaderElection(config(name), url) as election:
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None
        other = stage.Elect(server, name, "other")
        stage.eventually(lambda: "other" in stage.keys(server, name))
        assert not other.leads
    with other:
        stage.eventually(lambda: other.leads)


def test_etcdctl_waits_for_us_and_leads_when_we_relinquish(server, url, name):
    """P6: A hand-over by our candidate goes to `etcdctl elect`, which waited, and comes back when that resigns."""
    with LeaderElection(config(name), url) as election:
        first = election.wait_for_leadership(timeout=stage.PATIENCE)
        with stage.Elect(server, name, "other") as other:
            stage.eventually(lambda: "other" in stage.keys(server, name))
            election.relinquish()
            stage.eventually(lambda: other.leads)
            assert not election.is_leader()
            other.resign()
        second = election.wait_for_leadership(timeout=stage.PATIENCE)
        assert second.token > first.token


def test_we_are_killed_and_etcdctl_leads(server, url, name):
    """P7: When our process is killed, `etcdctl elect` leads once the ttl has passed."""
    with Outsider(url, stage.TTL, stage.REQUEST_TIMEOUT, name, "ours") as ours:
        assert ours.claim is not None
        with stage.Elect(server, name, "other") as other:
            stage.eventually(lambda: "other" in stage.keys(server, name))
            assert not other.leads
            ours.kill()
            stage.eventually(lambda: other.leads)


def test_incumbent_run_is_killed_and_etcdctl_leads(server, url, name, tmp_path):
    """P7: When `incumbent run` is killed with SIGKILL, `etcdctl elect` leads once the ttl has passed."""
    marker = tmp_path / "runs"
    command = [*stage.INCUMBENT, "run", "--elector", url, "--name", name, "--ttl", "3", "--"]
    work = [sys.executable, "-c", f"import pathlib, time; pathlib.Path({str(marker)!r}).touch(); time.sleep(600)"]
    ours = subprocess.Popen([*command, *work], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        stage.eventually(marker.exists)
        with stage.Elect(server, name, "other") as other:
            stage.eventually(lambda: "other" in stage.keys(server, name))
            assert not other.leads
            os.kill(ours.pid, signal.SIGKILL)
            stage.eventually(lambda: other.leads)
    finally:
        ours.kill()
        ours.wait()


def test_etcdctl_shows_our_candidate(server, url, name):
    """P1: `etcdctl elect -l` shows our candidate's id, and the key with our lease."""
    with LeaderElection(config(name, candidate="number-one"), url) as election:
        election.wait_for_leadership(timeout=stage.PATIENCE)
        with stage.Elect(server, name, listen=True) as listener:
            stage.eventually(lambda: "number-one" in listener.lines)
            assert listener.lines[0].startswith(f"{name}/")
            # A key leaves out the zeros before the number, a lease shows them.
            lease = int(listener.lines[0].rpartition("/")[2], 16)
            assert f"lease {lease:016x} granted with TTL(3s)" in server.ctl("lease", "timetolive", f"{lease:x}")


def test_we_show_etcdctl(server, url, name):
    """P1: `observe` shows an `etcdctl elect` that leads, its revision as the token, and who waits."""
    with stage.Elect(server, name, "other") as other:
        stage.eventually(lambda: other.leads)
        with LeaderElection(config(name, candidate="ours"), url) as election:
            stage.eventually(election.is_follower)
            record = next(iter(observe(url, name)))
        assert record.candidate == "other"
        assert record.candidates == ("other", "ours")
        shown = server.ctl("get", stage.keys(server, name)["other"], "-w", "fields")
        assert f'"CreateRevision" : {record.token}' in shown


def test_prefix_of_the_url_stands_before_the_name(server, url, name):
    """P1: With a path in the URL, the election is the one that etcdctl calls path/name."""
    with LeaderElection(config(name), f"{url}/team/a") as election:
        election.wait_for_leadership(timeout=stage.PATIENCE)
        assert server.ctl("get", "--prefix", f"team/a/{name}/", "--keys-only").strip()


def test_never_two_leaders_in_a_mixture(server, url, name):
    """P1, P4: Three of ours and three of theirs hand over to each other: one leads at a time; tokens grow."""
    terms: list[tuple[str, int]] = []
    leading = threading.Semaphore(1)
    overlaps: list[str] = []

    def elected(term):
        if not leading.acquire(blocking=False):
            overlaps.append(term.candidate)
        terms.append((term.candidate, term.token))

    def deposed(term, reason):
        leading.release()

    others = [stage.Elect(server, name, f"theirs-{number}") for number in range(3)]
    ours = [
        LeaderElection(config(name, candidate=f"ours-{number}", on_elected=elected, on_deposed=deposed), url)
        for number in range(3)
    ]
    try:
        for election in ours:
            election.start()
        waiting = [*others]
        seen_of_ours: set[str] = set()
        while waiting or len(seen_of_ours) < len(ours):
            stage.eventually(
                lambda: (
                    any(other.leads for other in waiting)
                    or any(election.is_leader() and election.config.candidate not in seen_of_ours for election in ours)
                )
            )
            leaders = [other for other in waiting if other.leads]
            mine = [election for election in ours if election.is_leader()]
            assert len(leaders) + len(mine) <= 1, "two lead"
            for other in leaders:
                other.resign()
                waiting.remove(other)
            for election in mine:
                seen_of_ours.add(election.config.candidate)
                election.close()
        assert overlaps == []
        assert [token for _, token in terms] == sorted({token for _, token in terms})
    finally:
        for election in ours:
            election.close()
        for other in others:
            other.kill()


@pytest.mark.parametrize("inner", ["sub", "0", "ffff"])
def test_election_below_another_is_independent(opened, server, name, inner):
    """P1: `a/b` neither leads nor follows in `a`, for our candidates; and `etcdctl elect a` is not let in beside us."""
    backend = opened()
    below = [opened().elector(f"{name}/{inner}", f"below-{number}") for number in range(20)]
    assert below[0].acquire_leadership() is not None
    assert all(elector.acquire_leadership() is None for elector in below[1:])
    above = backend.elector(name, "above")
    assert above.acquire_leadership() is not None
    assert opened().elector(name, "second").acquire_leadership() is None
    record = above.observe_leadership()
    assert record.candidates == ("above", "second")
