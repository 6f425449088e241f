"""`incumbent run`: a guard that outlives the wrapper gives the term up (P11), and not before all of it is dead."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import processes
import pytest

#: Stands for a wrapper, with a guard whose command is a shell's script. What is executed is written down, with the
#: processes that live in that moment. It does what it is told, line by line.
WRAPPER = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from incumbent import boottime
from incumbent.cli import _guarded
from incumbent.cli._command import Command
from processes import running

def execute(testament):
    living = sorted(file.name for file in Path().glob("pid-*") if running(file.name[4:]))
    Path("written").write_text(" ".join([testament, *living]))
    Path("written").rename("executed")

def term(testament):
    return SimpleNamespace(token=1, deadline=boottime() + 60, descriptors=(), testament=testament)

Path(f"pid-{os.getpid()}").touch()
command = Command(argv=["sh", "-c", sys.argv[1]], environment=os.environ, grace=0.1, execute=execute)
guarded = _guarded.Guarded(command)
guarded.start(term("first"))
for line in sys.stdin:
    if line == "renew\\n":
        guarded.extend(term("second"))
    elif line == "leave\\n":
        guarded.close()
    elif line == "close\\n":
        guarded._channel.close()
    print(line, flush=True)
"""

#: A child in the command's group that is stopped, and one that has left group and parent, as a daemon does.
FAMILY = """
(touch pid-$(exec sh -c 'echo $PPID'); kill -STOP $(exec sh -c 'echo $PPID')) &
(setsid sh -c 'touch pid-$$; exec sleep 60' <&- >&- 2>&- &)
touch pid-$$
exec sleep 60
"""


class Crash:
    """A wrapper in a folder of its own, and what its guard has done."""

    def __init__(self, bench):
        self.bench, self.folder = bench, bench.directory
        shutil.copy(processes.__file__, self.folder)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.wrapper = subprocess.Popen([sys.executable, "-c", WRAPPER, FAMILY], cwd=self.folder, **pipes)

    def is_there(self):
        """Wait until the wrapper and the family of three live."""
        self.bench.eventually(lambda: len(list(self.folder.glob("pid-*"))) == 4)

    def tell(self, order):
        """Have the wrapper do something."""
        self.wrapper.stdin.write(f"{order}\n")
        self.wrapper.stdin.flush()
        assert self.wrapper.stdout.readline() == f"{order}\n"
        self.wrapper.stdout.readline()

    def others_are_dead(self):
        """Wait until nobody lives but the wrapper."""
        pids = {file.name[4:] for file in self.folder.glob("pid-*")} - {str(self.wrapper.pid)}
        self.bench.eventually(lambda: not any(map(processes.running, pids)))

    def executed(self):
        """Kill the wrapper, and wait for what was executed: the testament, and who lived then."""
        self.wrapper.kill()
        return self.bench.eventually(lambda: (file := self.folder / "executed").exists() and file.read_text())


@pytest.fixture
def crash(bench):
    crash = Crash(bench)
    crash.is_there()
    yield crash
    crash.wrapper.kill()
    crash.wrapper.communicate()


def test_killed_wrapper_gives_up_when_the_last_is_dead(crash):
    """P11: The testament is executed when nobody lives: neither who was stopped, nor who became a daemon."""
    assert crash.executed() == "first"


def test_testament_is_that_of_the_last_renewal(crash):
    """P11: What came with the last renewal ends the term."""
    crash.tell("renew")
    assert crash.executed() == "second"


def test_frozen_wrapper_gives_nothing_up(crash):
    """P11: A frozen process is not a dead one: the command's end alone executes nothing, until the wrapper is dead."""
    os.kill(crash.wrapper.pid, signal.SIGSTOP)
    for pid in [int(file.name[4:]) for file in crash.folder.glob("pid-*")]:
        if pid != crash.wrapper.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    crash.others_are_dead()
    assert crash.executed() == "first"


def test_wrapper_that_lives_without_its_guard_gives_nothing_up(crash):
    """P11: Nor does the end of the channel say that the wrapper is dead; the kernel does."""
    crash.tell("close")
    crash.others_are_dead()
    assert crash.executed() == "first"


def test_wrapper_that_leaves_executes_nothing(crash):
    """Who leaves in order gives its claim up itself: its guard ends, and has not asked the store for anything."""
    crash.tell("leave")
    crash.others_are_dead()
    crash.wrapper.communicate()
    assert not (crash.folder / "executed").exists()
