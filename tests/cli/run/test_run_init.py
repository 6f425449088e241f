"""`incumbent run` as the first process of a container."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from processes import children, running

UNSHARE = [
    ["unshare", "--pid", "--fork", "--mount-proc"],
    ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
]

#: Where no namespace can be had: what PID 1 does, done by a process that orphans go to as well.
AS_INIT = """
import sys
from incumbent.cli import main
from incumbent.cli._init import leave_init
from incumbent.cli._processes import adopt_orphans
adopt_orphans()
leave_init()
sys.exit(main())
"""


def works(prefix):
    return (
        shutil.which(prefix[0]) and not subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    )


NAMESPACE = next(filter(works, UNSHARE), None)


#: Becomes the wrapper, whose child is one that outlives the change, or is dead by then and not buried.
LATE = ["sh", "-c", 'sleep 0.5 & ORPHAN=$! exec "$@"', "sh"]
EARLY = [
    sys.executable,
    "-c",
    """
import os, sys
orphan = os.posix_spawn("/bin/sh", ["sh", "-c", "exit"], {})
os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
os.environ["ORPHAN"] = str(orphan)
os.execvp(sys.argv[1], sys.argv[1:])
""",
]


@pytest.fixture(params=["first in its namespace"] * bool(NAMESPACE) + ["adopts orphans"])
def init(bench, request):
    """Start a wrapper as init, whose first act is to inherit a child that it does not know."""

    def start(*options, command, orphan=LATE, **others):
        namespace = request.param != "adopts orphans"
        program = bench.incumbent if namespace else [sys.executable, "-c", AS_INIT]
        prefix = NAMESPACE if namespace else []
        return bench.start(
            *options, command=command, program=[*prefix, *orphan, *program], stdout=-1, stderr=-1, **others
        )

    return start


@pytest.mark.parametrize("orphan", [LATE, EARLY], ids=["dies later", "is dead already"])
def test_orphans_are_buried(init, orphan):
    """Children that the wrapper never started do not stay behind as zombies; nor do those of the command."""
    script = """
    mine=$(sh -c 'sleep 0.1 >&- & echo $!')
    for pid in $ORPHAN $mine; do while test -e /proc/$pid; do sleep 0.05; done; done
    echo buried
    exit 6
    """
    wrapper = init(command=["sh", "-c", script], orphan=orphan)
    assert wrapper.communicate(timeout=60) == ("buried\n", "")
    assert wrapper.returncode == 6


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_signal_passes_through(init, bench, name):
    """What a container's runtime sends to its first process arrives at the command."""
    script = f"trap 'echo {name}; exit 9' {name}; echo ready; while :; do sleep 0.02; done"
    wrapper = init(command=["sh", "-c", script])
    assert wrapper.stdout.readline() == "ready\n"
    first = bench.child_of(wrapper.pid) if wrapper.args[0] == "unshare" else wrapper.pid
    os.kill(first, getattr(signal, f"SIG{name}"))
    out, _ = wrapper.communicate(timeout=60)
    assert out == f"{name}\n"
    assert wrapper.returncode == 9


def test_death_of_the_command_by_a_signal_shows(init):
    """The code comes out unchanged through every process in between."""
    wrapper = init(command=["sh", "-c", "kill -KILL $$"])
    wrapper.communicate(timeout=60)
    assert wrapper.returncode == 128 + signal.SIGKILL


def test_guard_of_a_killed_wrapper_is_waited_for(init, bench):
    """P11: It gives the term up before the first process ends, and everything with it."""
    wrapper = init("--ttl", "600", command=["sleep", "600"], elector=bench.ttlfile)
    first = bench.child_of(wrapper.pid) if wrapper.args[0] == "unshare" else wrapper.pid
    led = bench.eventually(lambda: (bench.directory / "claim").exists() and bench.claim())
    killed = bench.eventually(lambda: [pid for pid in children(first) if len(children(pid)) == 1])[0]
    (guard,) = children(killed)
    command = bench.child_of(guard)
    bench.eventually(lambda: running(command).name == "sleep")  # it is started with the testament
    os.kill(killed, signal.SIGKILL)
    wrapper.communicate(timeout=60)
    assert wrapper.returncode == 128 + signal.SIGKILL
    assert bench.claim() == {**led, "candidate": None}


#: Becomes the wrapper, with SIGCHLD ignored.
DEAF = [
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])",
]


def test_ignored_sigchld_is_not_inherited(init):
    """Init learns that the wrapper has ended, whatever was ignored before."""
    wrapper = init(command=["sh", "-c", "exit 3"], orphan=DEAF)
    wrapper.communicate(timeout=60)
    assert wrapper.returncode == 3
