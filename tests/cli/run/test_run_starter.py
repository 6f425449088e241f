"""`incumbent run`: the process that waits to become the command, forked before there is a term."""

import os
import signal

import pytest
from processes import running


@pytest.fixture
def pair(bench):
    """A wrapper whose command runs, and one that waits, with the process that would become its command."""
    leader = bench.start(command=["sleep", "60"])
    bench.eventually(lambda: running(bench.child_of(bench.child_of(leader.pid))).name == "sleep")
    waiting = bench.start(command=bench.worker())
    return leader, waiting, bench.child_of(bench.child_of(waiting.pid))


def test_command_is_the_process_that_waited(bench, pair):
    """A hand-over waits for no fork: what has been waiting becomes the command, and has said so to ps."""
    leader, _, starter = pair
    bench.eventually(lambda: running(starter).name == "incumbent-start")
    leader.terminate()
    assert bench.begun()[0].pid == starter


def test_killed_starter_is_replaced(bench, pair):
    """Whoever kills the process that waits has not killed the command: another is forked when it is needed."""
    leader, _, starter = pair
    os.kill(starter, signal.SIGKILL)
    leader.terminate()
    assert bench.begun()[0].pid != starter


@pytest.mark.parametrize("whose", ["wrapper", "guard"])
def test_starter_ends_with_those_it_waits_for(bench, pair, whose):
    """What waits outlives neither wrapper nor guard, however they are killed."""
    _, waiting, starter = pair
    os.kill(waiting.pid if whose == "wrapper" else bench.child_of(waiting.pid), signal.SIGKILL)
    bench.eventually(lambda: not running(starter))
    assert not bench.log()


def test_command_ignores_no_signal_of_ours(bench):
    """What Python ignores for itself, SIGPIPE among it, the command does not."""
    code, out, _ = bench.run(command=["sh", "-c", "grep SigIgn /proc/self/status"])
    ignored = int(out.split()[1], 16)
    assert (code, ignored & (1 << (signal.SIGPIPE - 1)), ignored & (1 << (signal.SIGXFSZ - 1))) == (0, 0, 0)
