"""The wrapper's loop on its own, with an election that does what a real one does too rarely to wait for."""

import logging
import os
import subprocess
import sys

from incumbent.cli.run import _words

PLAY = """
import contextlib, os, sys, threading
from types import SimpleNamespace
from incumbent import boottime
from incumbent.cli._wrapper import Wrapper
from incumbent.cli._command import Command

class Election:
    '''Renews its term after the guard has seen its deadline pass, as one that was frozen in between may.'''

    config = SimpleNamespace(close_timeout=5.0, request_timeout=1.0)

    def __init__(self, wrapper):
        self.wrapper, self.relinquished, self.closed = wrapper, threading.Event(), threading.Event()

    def run(self):
        term = SimpleNamespace(token=1, deadline=boottime() + 1.0, descriptors=(), testament="")
        self.wrapper.on_elected(term)
        self.relinquished.wait(30)
        self.wrapper.on_deposed(term, None)
        print("relinquished" if self.relinquished.is_set() else "stuck")

    def relinquish(self):
        self.relinquished.set()

    def close(self):
        pass

wrapper = Wrapper(once=False)
command = Command(argv=["sleep", "60"], environment=os.environ, grace=0.1)
sys.exit(wrapper.run(Election(wrapper), command, contextlib.nullcontext()))
"""


def test_leader_without_a_command_relinquishes():
    """If the guard was right to end the command, but the term goes on all the same, somebody else is to have it."""
    played = subprocess.run([sys.executable, "-c", PLAY], capture_output=True, text=True, timeout=60, check=False)
    assert (played.stdout, played.returncode) == ("relinquished\n", 125)


EARLY = """
import os, select, signal, sys
from types import SimpleNamespace
from incumbent import boottime
from incumbent.cli import _guarded
from incumbent.cli._channel import Channel
from incumbent.cli._command import Command

send = Channel.send
Channel.send = lambda channel, *words, **rest: None if words[0] == "started" else send(channel, *words, **rest)
script = "setsid sleep 60 >&- & echo $!; exec sleep 60 >&-"
guarded = _guarded.Guarded(Command(argv=["sh", "-c", script], environment=os.environ, grace=0.1))
guarded.start(SimpleNamespace(token=1, deadline=boottime() + 60, descriptors=(), testament=""))
survivor = int(sys.stdin.readline())
(guard,) = _guarded.children()
os.kill(guard, signal.SIGKILL)
select.select(guarded.sources(), [], [], 30)
print(guarded.listen(), os.path.exists(f"/proc/{survivor}"), file=sys.stderr)
"""


def test_guard_killed_before_it_names_the_group_leaves_nobody():
    """The wrapper finds what the command has started also if it was never told of the command."""
    read, write = os.pipe()
    played = subprocess.run(
        [sys.executable, "-c", EARLY], stdin=read, stdout=write, stderr=-1, text=True, timeout=60, check=False
    )
    os.close(read)
    os.close(write)
    assert played.stderr == "[['gone']] False\n"


#: Becomes the wrapper, with more open files than `select` can count.
CROWDED = """
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
while os.dup(0) < 1100:
    pass
for file in range(3, 1101):
    os.set_inheritable(file, True)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_any_number_of_files_may_be_open(bench):
    """Who starts the wrapper may hand down more files than the 1,024 that `select` takes."""
    program = [sys.executable, "-c", CROWDED, *bench.incumbent]
    assert bench.run(command=["echo", "led"], program=program) == (0, "led\n", "")


def test_command_that_does_not_die_is_named():
    """What a hand-over waits for is the command here, which has its grace before anything is said."""
    late = {"msg": "on_deposed has not returned", "callback": "on_deposed"}
    told = [_words(logging.makeLogRecord({**late, "waited": waited}), 10.0) for waited in (5.0, 10.0, 20.0)]
    line = "the command is not dead 20 s after the end of its term; the hand-over waits for it"
    assert told == [None, None, line]
