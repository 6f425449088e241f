"""The engine with real threads, signals and processes, on `memory://` and `local://`."""

import logging
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from math import inf

import pytest
from programs import started

from incumbent import (
    BackendUnavailableError,
    CallbackError,
    LeaderElection,
    LeaderElectionConfig,
    Runner,
    State,
    read_leader,
)
from incumbent.electors.memory import MemoryElector
from incumbent.engine.events import Woken


def config(name, **options):
    return LeaderElectionConfig(lock_id=name, relinquish_interval=None, **options)


def ours():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("incumbent-")]


def wait_until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_thousand_elections_run_with_a_constant_number_of_threads():
    """A thousand elections of one process need no more threads than one does, and leave none (P8)."""
    elections = [LeaderElection(config(f"shard-{n}"), "memory://thousand") for n in range(1000)]
    for election in elections:
        election.start()
    wait_until(lambda: all(election.is_leader() for election in elections))
    assert len(ours()) <= 2 + 2 * 8
    for election in elections:
        election.close()
    assert ours() == []


def test_a_term_does_not_begin_with_the_start_of_a_thread():
    """The thread for callbacks is there while a candidate waits: its first callback needs only be handed over."""
    with LeaderElection(config("warm"), "memory://warm") as election:
        assert "incumbent-callback-1" in ours()
        assert election.wait_for_leadership(60.0) is not None


def test_candidates_succeed_each_other():
    """Three candidates of one process: one leads at a time, and each hand-over reaches another candidate."""
    tokens = []
    options = {"on_elected": lambda term: tokens.append((term.token, term.candidate)), "cooldown": 60}
    elections = [LeaderElection(config("reports", **options), "memory://succeed") for _ in range(3)]
    for election in elections:
        election.start()
    for leaders in range(1, 4):
        wait_until(lambda n=leaders: len(tokens) == n and sum(e.is_leader() for e in elections) == 1)
        if leaders < 3:
            next(e for e in elections if e.is_leader()).relinquish()
    for election in elections:
        election.close()
    assert all(before != after for (_, before), (_, after) in pairwise(tokens))
    assert [token for token, _ in tokens] == sorted({token for token, _ in tokens})


def test_close_from_many_threads_at_once():
    """P8: `close` called by several threads at the same time closes once, and all return."""
    election = LeaderElection(config("reports"), "memory://many-closers")
    with election:
        election.wait_for_leadership()
        closers = [threading.Thread(target=election.close) for _ in range(8)]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(60)
        assert not any(closer.is_alive() for closer in closers)
    assert read_leader("memory://many-closers", "reports").candidate is None
    assert ours() == []


@pytest.mark.parametrize("delay", [0.0, 0.0005, 0.002, 0.01])
def test_close_during_start_up(delay):
    """P8: closing while the first attempt is out leaves no claim and no thread."""
    election = LeaderElection(config("reports"), "memory://start-up")
    election.start()
    time.sleep(delay)
    election.close()
    assert read_leader("memory://start-up", "reports").candidate is None
    assert ours() == []


def test_run_raises_what_a_callback_raised():
    """`run` gives leadership up and then raises the callback's error with its cause."""

    def fail(_):
        raise ValueError("no paper")

    with pytest.raises(CallbackError, match="no paper") as caught:
        LeaderElection(config("reports", leader_callback=fail), "memory://run-raises").run()
    assert isinstance(caught.value.__cause__, ValueError)
    assert read_leader("memory://run-raises", "reports").candidate is None


def test_a_with_block_raises_what_a_callback_raised():
    """A `with` block ends in the callback's error, unless it ends in one of its own."""

    def fail(_):
        raise ValueError("no paper")

    election = LeaderElection(config("reports", leader_callback=fail), "memory://with-raises")
    with pytest.raises(CallbackError), election:
        wait_until(lambda: election._candidacy.finished)


def test_the_state_is_bootstrap_until_the_first_answer(monkeypatch):
    """A candidate that has had no answer yet is neither leader nor follower."""
    down = threading.Event()
    down.set()
    real = MemoryElector.acquire_leadership

    def flaky(self):
        if down.is_set():
            raise BackendUnavailableError("connection refused")
        return real(self)

    monkeypatch.setattr(MemoryElector, "acquire_leadership", flaky)
    with LeaderElection(config("reports"), "memory://bootstrap") as election:
        assert election.wait_for_leadership(0.2) is None
        assert election.state is State.BOOTSTRAP
        down.clear()
        assert election.wait_for_leadership(60) is not None


@pytest.mark.parametrize("timeout", [None, 30])
def test_waiting_returns_the_term_that_it_saw(monkeypatch, timeout):
    """A term that is over right after it was seen is returned all the same: None means that the time has passed."""
    with LeaderElection(config("reports"), "memory://seen") as election:
        seen = election.wait_for_leadership()
        looks = iter([seen])
        monkeypatch.setattr(LeaderElection, "term", property(lambda _: next(looks, None)))
        assert election.wait_for_leadership(timeout) is seen
        monkeypatch.undo()


SCRIPT = """
import sys, threading
from incumbent import LeaderElection, LeaderElectionConfig
config = LeaderElectionConfig(
    lock_id="reports",
    relinquish_interval=None,
    on_elected=lambda term: print("elected", flush=True),
    on_deposed=lambda term, reason: print("deposed:", reason.value, flush=True),
)
try:
    LeaderElection(config, sys.argv[1]).run()
except KeyboardInterrupt:
    print("interrupted, threads:", threading.active_count(), flush=True)
"""


def test_ctrl_c_in_run_hands_over(tmp_path):
    """Ctrl-C in `run` steps down in order, and is raised again; another process then leads at once."""
    url = f"local://{tmp_path}/state"
    with started(sys.executable, "-c", SCRIPT, url, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "elected\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert output == "deposed: stopped\ninterrupted, threads: 1\n"
    with LeaderElection(config("reports"), url) as election:
        assert election.wait_for_leadership(60).token == 2


HANDLER = """
import signal, sys
from incumbent import InvalidStateError, LeaderElection, LeaderElectionConfig
election = LeaderElection(LeaderElectionConfig(lock_id="reports", relinquish_interval=None), sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: election.close())
wait = election.run
if sys.argv[2] != "run":
    election.start()
    wait = election.wait_for_leadership
if sys.argv[2] == "term.wait":
    wait = wait().wait
print("waits", flush=True)
try:
    print("returned", wait())
except InvalidStateError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("wait", "end"),
    [("run", "returned None"), ("wait_for_leadership", "the election is closed"), ("term.wait", "returned True")],
)
def test_a_signal_handler_may_close_the_election(tmp_path, wait, end):
    """P8: a handler of SIGTERM that closes the election ends whatever the interrupted thread was waiting for."""
    url = f"local://{tmp_path}/state"
    program = [sys.executable, "-c", HANDLER, url, wait]
    with LeaderElection(config("reports"), url) as other:
        if wait == "wait_for_leadership":
            other.wait_for_leadership()
        else:
            other.close()
        with started(*program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "waits\n"
            if wait == "run":
                wait_until(lambda: read_leader(url, "reports").candidate is not None)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=60)
    assert output == f"{end}\n"
    assert process.returncode == 0


def test_a_forked_child_of_a_leader_leads_nothing(tmp_path):
    """P9: the child of a leader is no leader, says so, and closes nothing of its parent's."""
    with LeaderElection(config("reports"), f"local://{tmp_path}/state") as election:
        term = election.wait_for_leadership()
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                told_no = not term.is_valid() and not election.is_leader() and election.state is State.FOLLOWER
                election.close()
                status = 0 if told_no else 2
            finally:
                os.write(told, b"x")
                os._exit(status)
        told_in_time, _, _ = select.select([ready], [], [], 60.0)
        if not told_in_time:
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.close(ready)
        os.close(told)
        assert code == 0
        assert term.is_valid()
        assert read_leader(f"local://{tmp_path}/state", "reports").candidate == election.candidate


class Asleep(Runner):
    """An engine whose own thread sleeps until a test steps it."""

    def _start(self):
        pass


@pytest.fixture
def asleep():
    """An engine that has begun an election and sleeps, the election, and its candidacy; they are closed."""
    runner = Asleep()
    election = LeaderElection(config("reports", ttl=600), "memory://asleep", runner=runner)
    election.start()
    runner.step()
    yield runner, election, election._candidacy
    runner.leave(election._candidacy)
    wait_until(lambda: runner.step() >= 0 and election._candidacy.finished)
    for pool in (runner._calls, runner._callbacks, runner._telling):
        pool.close(60)
    assert ours() == []


def on_a_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(60)


def test_who_brings_an_answer_or_news_has_the_engine_act_on_it(asleep):
    """Who waits for a hand-over waits for those that ask the backend and hear from it, and for no other thread."""
    _, election, candidacy = asleep
    term = election.wait_for_leadership(60)
    before = term.deadline
    on_a_thread(candidacy.elector.notify)
    wait_until(lambda: term.deadline > before)


def test_a_signal_handler_waits_for_nothing_that_it_interrupts(asleep):
    """P10: on the main thread nothing is done that a handler would wait for which closes an election there."""
    runner, election, candidacy = asleep
    assert election.wait_for_leadership(60) is not None
    candidacy.elector.notify()
    assert candidacy.notified
    runner.step()
    assert not candidacy.notified


def test_what_comes_while_another_thread_acts_is_left_to_it(asleep):
    """P10: nobody who brings an answer or news waits until another thread has had the engine act."""
    runner, election, candidacy = asleep
    assert election.wait_for_leadership(60) is not None
    with runner._turn:
        on_a_thread(candidacy.elector.notify)
        assert candidacy.notified
    runner.step()
    assert not candidacy.notified


@pytest.mark.parametrize("late", [True, False])
def test_the_engine_wakes_up_for_what_is_due_earlier_than_it_knew(asleep, late):
    """P6: who has it act wakes the engine's own thread if that would sleep for too long now, and only then."""
    runner, election, candidacy = asleep
    assert election.wait_for_leadership(60) is not None
    with runner._turn:  # whoever else is at it has done
        runner._wakes_at = runner.clock.now() + 3600 if late else -inf
    on_a_thread(lambda: runner._deliver(candidacy, Woken()))
    assert runner._inbox.empty() is not late


def test_leaving_waits_for_no_thread_that_another_election_needs():
    """P8: an election that begins while another waits for the engine's end takes the engine over, and ends the wait."""
    runner, over = Runner(), threading.Event()
    runner._thread = threading.Thread(target=over.wait, args=(60,))
    runner._thread.start()
    left = threading.Thread(target=runner.join, args=(60,))
    left.start()
    assert not runner.join(0.01)
    runner._candidates.add("another")
    left.join(20)
    ended = not left.is_alive()
    over.set()
    assert ended
    assert runner.join(0.0)


@pytest.fixture
def handled():
    """Let the test say what the application does with each record of the library."""
    records, log = [], logging.getLogger("incumbent")

    def handle(record):
        records.append(record)
        return act(record)

    def act(record):
        return True

    def begin(what):
        nonlocal act
        act = what
        return records

    level = log.level
    log.setLevel(logging.INFO)
    log.addFilter(handle)
    yield begin
    log.removeFilter(handle)
    log.setLevel(level)


def test_logging_that_blocks_holds_up_no_election(handled):
    """P10: an application whose logging waits for something costs the engine nothing: it elects and hands over."""
    release = threading.Event()
    records = handled(lambda record: release.wait(60))

    def messages():
        own = [record for record in records if election.candidate in str(record.args)]
        return [record.getMessage().partition(">: ")[2] for record in own]

    try:
        with LeaderElection(config("reports", cooldown=60), "memory://blocking") as election:
            wait_until(lambda: records, 20)
            with LeaderElection(config("invoices"), "memory://blocking") as other:
                assert other.wait_for_leadership(20) is not None
                election.relinquish()
                wait_until(lambda: read_leader("memory://blocking", "reports").candidate is None, 20)
                release.set()
                wait_until(lambda: "waiting: nobody leads" in messages(), 20)
    finally:
        release.set()
    assert messages()[:2] == ["elected, token 1", "deposed, token 1: relinquished"]
    assert re.fullmatch(r"handed over, token 1, after \d+\.\d{3} s: relinquished", messages()[2])
    assert messages()[3:] == ["waiting: nobody leads"]
    assert ours() == []


def test_logging_that_fails_ends_no_election(handled):
    """P7: what the application's filters of records raise is no fault of the engine, and ends nothing."""

    def fail(record):
        raise ValueError("no such field")

    records = handled(fail)
    with LeaderElection(config("reports", cooldown=0), "memory://failing-log") as election:
        term = election.wait_for_leadership(20)
        wait_until(lambda: records, 20)
        election.relinquish()
        assert election.wait_for_leadership(20).token > term.token
    assert len(records) == 6  # elected, deposed, handed over: twice


def test_random_numbers_of_the_application_are_left_alone():
    """P7: an application that seeds `random` alike in all its copies gets its own numbers, and they retry apart."""
    random.seed(7)
    before = random.getstate()
    with LeaderElection(config("reports"), "memory://random") as election:
        assert election.wait_for_leadership(20) is not None
    assert random.getstate() == before
