"""`incumbent run`: whatever happens, no two commands of one election ever live at once."""

import os
import signal
import time

import pytest

#: The shortest ttl that leaves time for everything on a busy machine, seconds.
TTL = 4


@pytest.fixture
def pair(bench):
    """A leader whose command is running, and a candidate that waits; on a store whose claims expire."""

    def start(*worker, elector):
        leader = bench.start("--id", "first", "--ttl", str(TTL), command=bench.worker(*worker), elector=elector)
        bench.begun(1 + ("family" in worker))
        waiting = bench.start("--id", "second", "--ttl", str(TTL), command=bench.worker(), elector=elector)
        return leader, waiting

    return start


def successor(bench):
    """Wait for the next term's command, and return the line that says when it began."""
    first = bench.log("begin")[0].token
    return bench.eventually(lambda: [line for line in bench.log("begin") if line.token > first])[0]


def last_of_first_term(bench):
    token = bench.log("begin")[0].token
    return max(line.at for line in bench.log() if line.token == token)


def test_command_lives_while_the_claim_is_renewed(bench):
    """Each renewal reaches the guard: a command outlives many deadlines."""
    bench.start("--ttl", "3", command=bench.worker(), elector="memory://")
    (first,) = bench.begun()
    last = bench.eventually(lambda: [line for line in bench.log("beat") if line.at > first.at + 4.0])[-1]
    assert (last.pid, last.token) == (first.pid, first.token)
    assert len(bench.log("begin")) == 1


def test_hand_over_waits_for_the_whole_family(bench):
    """The claim is given up when the last of the family is dead, not when it is asked to end (P6)."""
    options = ("--relinquish-interval", "1s", "--grace", "0.5", "--ttl", "2")
    bench.start(*options, command=bench.worker("family", "stubborn"))
    bench.begun(2)
    bench.start(command=bench.worker())
    began = successor(bench)
    assert last_of_first_term(bench) < began.at
    assert not bench.log("overlap")


def test_family_that_ignores_sigterm_is_dead_before_the_successor_begins(bench, pair):
    """A leader that cannot renew stops its command's whole family inside the claim's remaining life (P3)."""
    pair("family", "stubborn", elector=bench.ttlfile)
    (bench.directory / "down-first").touch()
    successor(bench)
    assert not bench.log("overlap")


def test_frozen_wrapper_cannot_keep_its_command_past_the_deadline(bench, pair, stopped):
    """SIGSTOP the wrapper: its guard kills the family by itself, in time."""
    leader, _ = pair("family", "stubborn", elector=bench.ttlfile)
    stopped(leader.pid)
    successor(bench)
    assert not bench.log("overlap")


def test_frozen_wrapper_on_memory_is_dead_at_the_deadline(bench, stopped):
    """The deadline is the guard's to keep, whichever backend: one ttl after the freeze nothing works any more."""
    wrapper = bench.start("--ttl", "3", "--once", command=bench.worker("family", "stubborn"), elector="memory://")
    bench.begun(2)
    stopped(wrapper.pid)
    frozen = time.clock_gettime(time.CLOCK_BOOTTIME)
    bench.eventually(bench.is_quiet)
    assert last_of_first_term(bench) - frozen < 3.0
    os.kill(wrapper.pid, signal.SIGCONT)
    assert wrapper.wait(60) == 75


def test_thawed_wrapper_campaigns_again(bench, stopped):
    """A wrapper that slept over its deadline finds its command dead, and starts it again when elected again (P7)."""
    wrapper = bench.start("--ttl", "3", command=bench.worker(), elector="memory://")
    bench.begun()
    stopped(wrapper.pid)
    bench.eventually(bench.is_quiet)
    os.kill(wrapper.pid, signal.SIGCONT)
    assert successor(bench)


def test_killed_wrapper_takes_the_family_along_before_another_leads(bench, pair):
    """SIGKILL the wrapper: the claim is not free before the last of the family is dead."""
    leader, _ = pair("family", "stubborn", elector=bench.local)
    leader.kill()
    began = successor(bench)
    assert last_of_first_term(bench) < began.at
    assert not bench.log("overlap")


def test_killed_group_of_the_wrapper_changes_nothing(bench):
    """SIGKILL to all of the wrapper's own process group leaves the guard to do its work."""
    leader = bench.start(command=bench.worker("family", "stubborn"), start_new_session=True)
    bench.begun(2)
    os.killpg(leader.pid, signal.SIGKILL)
    bench.eventually(bench.is_quiet)
    assert bench.run("--wait-timeout", "20", command=["true"])[0] == 0


def test_wrapper_and_guard_killed_together_leave_the_claim_to_the_survivors(bench, pair):
    """With both killed, the command dies at once (Linux); what it started may live on, and nobody leads meanwhile."""
    leader, _ = pair("family", "stubborn", elector=bench.local)
    guard = bench.child_of(leader.pid)
    command = bench.child_of(guard)
    os.kill(leader.pid, signal.SIGSTOP)  # else it might hear of its guard's death before its own, and kill the family
    for pid in (guard, leader.pid):
        os.kill(pid, signal.SIGKILL)
    leader.wait(60)
    (survivor,) = {line.pid for line in bench.log("begin")} - {command}
    killed = time.clock_gettime(time.CLOCK_BOOTTIME)
    beats = lambda pid: [line for line in bench.log("beat") if line.pid == pid and line.at > killed + 1.0]
    bench.eventually(lambda: len(beats(survivor)) > 20)
    assert not beats(command)
    assert len(bench.log("begin")) == 2
    os.kill(survivor, signal.SIGKILL)
    successor(bench)
    assert not bench.log("overlap")


def test_stopped_guard_is_continued(bench, stopped):
    """A guard that somebody stops is back at work before it is needed."""
    wrapper = bench.start("--once", "--relinquish-interval", "1s", command=bench.worker())
    bench.begun()
    stopped(bench.child_of(wrapper.pid))
    assert wrapper.wait(60) == 75
    assert bench.is_quiet()


def test_leader_gone_behind_its_back_is_stopped(bench):
    """A claim that was deleted at the store ends the term at the next check."""
    wrapper = bench.start("--once", "--ttl", str(TTL), command=bench.worker(), elector=bench.ttlfile)
    bench.begun()
    (bench.directory / "claim").unlink()
    assert wrapper.wait(60) == 75
    assert bench.is_quiet()


def test_graceful_end_takes_no_longer_than_it_needs(bench):
    """A command that minds SIGTERM is not made to wait for the grace, and cleans up in it."""
    script = "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    wrapper = bench.start(
        "--once", "--relinquish-interval", "1", "--grace", "1h", command=["sh", "-c", script], stdout=-1
    )
    out, _ = wrapper.communicate(timeout=60)
    assert (wrapper.returncode, out) == (75, "ready\ncleaned\n")


def test_stopped_command_still_gets_its_sigterm(bench):
    """A command that is stopped (SIGSTOP) is continued to mind SIGTERM."""
    script = "trap 'echo cleaned; exit 0' TERM; kill -STOP $$"
    wrapper = bench.start(
        "--once", "--relinquish-interval", "1", "--grace", "1h", command=["sh", "-c", script], stdout=-1
    )
    out, _ = wrapper.communicate(timeout=60)
    assert (wrapper.returncode, out) == (75, "cleaned\n")


def test_what_the_command_leaves_behind_ends_with_it(bench):
    """Also descendants that left the process group: when the wrapper has ended, nothing works any more."""
    family = " ".join(bench.worker("stubborn"))
    code, _, _ = bench.run("--grace", "0.3", command=["sh", "-c", f"setsid {family} & sleep 1; exit 4"])
    assert code == 4
    assert bench.log("begin")
    assert bench.is_quiet()
