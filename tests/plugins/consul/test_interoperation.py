"""The same election as Consul's own tool: `consul lock` and our candidates, in every mixture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial

import consul_stage as stage
import pytest

from incumbent import BackendRejectedError, LeaderElection, Runner, read_leader


def test_consul_lock_leads_and_we_wait_until_it_resigns(server, url, name, tmp_path):
    """P1, P7: While `consul lock` leads, our candidate is a follower; when it resigns, ours leads at once."""
    with stage.ConsulLock(server, name, tmp_path) as other:
        stage.eventually(lambda: other.leads)
        with LeaderElection(stage.config(name), url) as election:
            stage.eventually(election.is_follower)
            assert election.wait_for_leadership(timeout=1.0) is None
            began = time.monotonic()
            other.resign()
            assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None
            # The follower's poll would take five check intervals.
            assert time.monotonic() - began < 5 * election.config.follower_check_interval


def test_who_is_killed_is_succeeded_by_the_other_kind(server, url, name, tmp_path):
    """P7: When `consul lock` is killed, we lead after its lock-delay; when `incumbent run` is, `consul lock` leads."""
    stage.side_by_side(
        {
            "consul lock": partial(kill_consul_lock, server, url, f"{name}/theirs", tmp_path / "theirs"),
            "incumbent run": partial(kill_incumbent_run, server, url, f"{name}/ours", tmp_path / "ours"),
        }
    )


def kill_consul_lock(server, url, name, folder) -> None:
    """See that our candidate leads once its session has ended, and the lock-delay of 15 s."""
    config = stage.config(name, cooldown=stage.PATIENCE)
    with stage.ConsulLock(server, name, folder) as other, LeaderElection(config, url) as election:
        stage.eventually(lambda: other.leads or election.is_leader())
        if election.is_leader():
            election.relinquish()
        stage.eventually(lambda: other.leads)
        other.kill()
        session = stage.holder(server, name)
        server.ask("PUT", f"/v1/session/destroy/{session}")  # its own ttl of 15 s, doubled, is not worth waiting for
        ended = time.monotonic()
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None
        assert time.monotonic() - ended > 14.0, "its lock-delay was not honoured"


def kill_incumbent_run(server, url, name, folder) -> None:
    """See that `consul lock` leads in time, when the command of ours is dead."""
    folder.mkdir()
    marker = folder / "runs"
    command = [*stage.INCUMBENT, "run", "--elector", url, "--name", name, "--ttl", "3", "--"]
    work = "import os, pathlib, time; pathlib.Path({0!r} + '.new').write_text(str(os.getpid())); "
    work += "os.rename({0!r} + '.new', {0!r}); time.sleep(600)"
    ours = subprocess.Popen(
        [*command, sys.executable, "-c", work.format(str(marker))], stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        stage.eventually(marker.exists)
        with stage.ConsulLock(server, name, folder) as other:
            os.kill(ours.pid, signal.SIGKILL)
            stage.eventually(lambda: other.leads)
            with pytest.raises(ProcessLookupError):
                os.kill(int(marker.read_text()), 0)
    finally:
        ours.kill()
        ours.wait()


def test_consul_lock_waits_for_us_and_leads_when_we_leave(server, url, name, tmp_path):
    """P1, P8: While our candidate leads, `consul lock` waits; when ours leaves, it leads."""
    with LeaderElection(stage.config(name), url) as election:
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None
        before = stage.sessions(server)
        with stage.ConsulLock(server, name, tmp_path) as other:
            stage.eventually(lambda: stage.sessions(server) - before)
            assert not other.leads
            election.close()
            stage.eventually(lambda: other.leads)


def test_hand_over_to_consul_lock_and_back(server, url, name, tmp_path):
    """P6: A hand-over by our candidate goes to `consul lock`, which waited, and comes back when that resigns."""
    with LeaderElection(stage.config(name, cooldown=5.0), url) as election:
        first = election.wait_for_leadership(timeout=stage.PATIENCE)
        before = stage.sessions(server)
        with stage.ConsulLock(server, name, tmp_path) as other:
            stage.eventually(lambda: stage.sessions(server) - before)
            time.sleep(0.5)  # it is in its blocking query by now, or will find the key free
            election.relinquish()
            stage.eventually(lambda: other.leads)
            assert not election.is_leader()
            other.resign()
        second = election.wait_for_leadership(timeout=stage.PATIENCE)
        assert second.token > first.token


def test_the_key_is_that_of_consul_lock(server, url, name):
    """P1, P4: The key, its flags, value and session are what Consul's tools expect; the token is its ModifyIndex."""
    with LeaderElection(stage.config(name, candidate="number-one"), url) as election:
        term = election.wait_for_leadership(timeout=stage.PATIENCE)
        pair = stage.lock(server, name)
        assert stage.value(pair) == "number-one"
        assert pair["Flags"] == stage.FLAGS
        assert pair["ModifyIndex"] == term.token
        session = server.ask("GET", f"/v1/session/info/{pair['Session']}")[0]
        assert (session["Behavior"], session["TTL"]) == ("release", "3s")
        assert not session["NodeChecks"]
        assert session["LockDelay"] == stage.TTL * 1e9
        election.relinquish()
        stage.eventually(lambda: stage.lock(server, name)["ModifyIndex"] > term.token)
        assert stage.lock(server, name)["Flags"] == stage.FLAGS  # else `consul lock` reports a conflict


def test_nothing_of_a_killed_consul_lock_stays(server, name, tmp_path):
    """Its command, which would run on, is ended with it: also while it has only just begun."""
    at_once, leading = (stage.ConsulLock(server, f"{name}/{n}", tmp_path) for n in range(2))
    with at_once, leading:
        stage.eventually(lambda: stage.session_processes(at_once.process.pid)[1:])
        at_once.kill()
        stage.eventually(lambda: leading.leads)
        leading.kill()
        for other in (at_once, leading):
            assert stage.session_processes(other.process.pid) == []
            assert not other.leads


def test_we_show_consul_lock(server, url, name, tmp_path):
    """P1: An observer sees a `consul lock` that leads, by its session, and its token."""
    with stage.ConsulLock(server, name, tmp_path) as other:
        stage.eventually(lambda: other.leads)
        record = read_leader(f"{url}", name)
        pair = stage.lock(server, name)
        assert record.candidate is not None
        assert pair["Session"] in record.candidate
        assert record.token == pair["ModifyIndex"]


def test_several_of_each_and_never_two(server, url, name, tmp_path):
    """P1: Of three of each, every `consul lock` and at least two of ours lead in turn, and never two at once."""
    overlaps, over = [], threading.Event()
    with ExitStack() as stack:
        elections = [LeaderElection(stage.config(name, cooldown=1.0), url, runner=Runner()) for _ in range(3)]
        ours = {f"ours {number}": stack.enter_context(election) for number, election in enumerate(elections)}
        others = {f"other {n}": stack.enter_context(stage.ConsulLock(server, name, tmp_path)) for n in range(3)}

        def leaders() -> set[tuple[str, object]]:
            """Everyone who leads, and the term or the run of it. They are asked one after the other."""
            terms = [(who, election.term) for who, election in ours.items()]
            found = {(who, term.token) for who, term in terms if term is not None and term.is_valid()}
            # A `consul lock` that lets go ends its command first, so what runs may claim to lead.
            return found | {(who, None) for who, other in others.items() if other.leads}

        def watch() -> None:
            before = leaders()
            while not over.wait(0.01):
                now = leaders()
                # Who leads in both of two rounds has led between them, when all the others had been asked once.
                if len(now & before) > 1:
                    overlaps.append(now & before)
                before = now

        watcher = threading.Thread(target=watch)
        watcher.start()
        stack.callback(watcher.join)
        stack.callback(over.set)
        led = set()

        def all_have_led() -> bool:
            # Who is seen leading here counts: it is sent away, and need not have been seen by the watcher before.
            for who, _ in leaders():
                led.add(who)
                ours[who].relinquish() if who in ours else others[who].resign()
            return len(led & others.keys()) == 3 and len(led & ours.keys()) >= 2

        # A `consul lock` that finds the key free, and is too late, looks again only 5 s later.
        stage.eventually(all_have_led, 2 * stage.PATIENCE)
    assert overlaps == []


def test_foreign_flags_are_a_conflict_and_left_alone(server, url, name, opened):
    """P7: A key with other flags is refused for good, with the key's name, and is not touched."""
    stage.put(server, f"{name}/.lock?flags=42", "precious")
    before = stage.lock(server, name)
    elector = opened().elector(name, "a")
    with pytest.raises(BackendRejectedError, match=f"{name}/.lock") as caught:
        elector.acquire_leadership()
    assert len(str(caught.value).splitlines()) == 1
    elector.close()
    assert stage.lock(server, name) == before


def test_foreign_flags_end_the_run(server, url, name):
    """P7: Such a conflict ends the run, with the cause."""
    stage.put(server, f"{name}/.lock?flags=42", "precious")
    with pytest.raises(BackendRejectedError, match="choose another lock_id"):
        LeaderElection(stage.config(name), url).run()


def test_a_semaphore_is_a_conflict(server, url, name, opened, tmp_path):
    """P7: `consul lock -n 2` uses the same key for something else: a conflict, for whoever comes second."""
    with stage.ConsulLock(server, name, tmp_path, "-n=2") as other:
        stage.eventually(lambda: other.leads)
        with pytest.raises(BackendRejectedError, match="not a lock"):
            opened().elector(name, "a").acquire_leadership()


def test_datacentre_of_the_url(server, name, opened):
    """The elections of a datacentre that is named are those of its servers; one that is unknown is refused for good."""
    assert opened(stage.url(server, dc="dc1")).elector(name, "a").acquire_leadership() is not None
    assert opened().elector(name, "b").acquire_leadership() is None
    with pytest.raises(BackendRejectedError, match="datacenter"):
        opened(stage.url(server, dc="nowhere")).elector(name, "a").acquire_leadership()
