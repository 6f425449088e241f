"""`incumbent run`: the command gets what it would get without it, plus three variables."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

SHOW = """
import json, os, sys
json.dump({"argv": sys.argv[1:], "environment": dict(os.environ), "group": os.getpgrp(), "pid": os.getpid(),
           "session": os.getsid(0), "directory": os.getcwd(), "stdin": sys.stdin.read()}, sys.stdout)
"""


def show(bench, *options, arguments=(), **others):
    code, out, err = bench.run(*options, command=[sys.executable, "-S", "-c", SHOW, *arguments], **others)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_environment_tells_the_election_the_candidate_and_the_token(bench):
    """The rest of the environment is untouched; the token grows from run to run."""
    runs = [show(bench, "--id", f"me {n}") for n in (1, 2)]
    for n, run in enumerate(runs, 1):
        mine = {name: run["environment"].pop(name) for name in ("INCUMBENT_NAME", "INCUMBENT_CANDIDATE")}
        assert mine == {"INCUMBENT_NAME": "job", "INCUMBENT_CANDIDATE": f"me {n}"}
    first, second = (int(run["environment"].pop("INCUMBENT_TOKEN")) for run in runs)
    assert first < second
    given = {name: value for name, value in bench.environment.items() if not name.startswith("COV")}
    assert given.items() <= runs[0]["environment"].items()


def test_arguments_pass_through_no_shell(bench):
    """Whatever they hold, the arguments arrive as they were given."""
    arguments = ["$HOME", "a b", "*", "; exit 3", "", "--", "--name", "-x", "\udcff"]
    assert show(bench, arguments=arguments)["argv"] == arguments


def test_stdin_and_stdout_are_the_wrappers_own(bench):
    """Nothing stands between: what is piped into the wrapper is read by the command."""
    assert show(bench, stdin="one\ntwo\n")["stdin"] == "one\ntwo\n"


def test_group_is_its_own_and_the_session_is_not(bench):
    """The command leads a process group, in the wrapper's session and working directory."""
    shown = show(bench)
    assert shown["group"] == shown["pid"] != os.getpgrp()
    assert shown["session"] == os.getsid(0)
    assert shown["directory"] == str(Path.cwd())


def test_descriptors_meant_for_the_command_arrive(bench):
    """A descriptor that was opened for the command, as by socket activation, is passed on."""
    reading, writing = os.pipe()
    code, _, _ = bench.run(command=["sh", "-c", f"echo through >/dev/fd/{writing}"], pass_fds=[writing])
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "through\n"
    assert code == 0


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1", "USR2", "WINCH"])
def test_signal_is_forwarded(bench, name):
    """The command decides what a signal means; the wrapper ends with it, not before."""
    script = f"trap 'echo {name}; exit 9' {name}; echo ready; while :; do sleep 0.02; done"
    wrapper = bench.start(command=["sh", "-c", script], stdout=-1)
    assert wrapper.stdout.readline() == "ready\n"
    wrapper.send_signal(getattr(signal, f"SIG{name}"))
    out, _ = wrapper.communicate(timeout=60)
    assert (wrapper.returncode, out) == (9, f"{name}\n")


def test_ignored_signals_stay_ignored(bench):
    """Under nohup, SIGHUP ends neither the wrapper nor the command."""
    nohup = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *bench.incumbent]
    script = "echo ready; read line; exit 5"
    wrapper = bench.start(command=["sh", "-c", script], program=nohup, stdin=-1, stdout=-1)
    assert wrapper.stdout.readline() == "ready\n"
    wrapper.send_signal(signal.SIGHUP)
    wrapper.communicate("go on\n", timeout=60)
    assert wrapper.returncode == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_waiting_wrapper_ends_at_a_signal(bench, number):
    """While another leads there is no command to ask: the wrapper ends at once with 128 + N, and a word to nobody."""
    bench.start(command=bench.worker())
    bench.begun()
    waiting = bench.start(command=["echo", "never"], stdout=-1, stderr=-1)
    bench.waits_for_signals(waiting.pid)
    waiting.send_signal(signal.SIGUSR1)  # meant for commands: nothing to a wrapper that has none
    waiting.send_signal(number)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out, err) == (128 + number, "", "")


def test_terminated_wrapper_does_not_start_the_command_again(bench):
    """After SIGTERM, a command that stays is ended with its term, and is not run in another."""
    command = bench.worker("stubborn")
    wrapper = bench.start("--relinquish-interval", "1", "--grace", "0.2", command=command)
    bench.begun()
    wrapper.send_signal(signal.SIGTERM)
    assert wrapper.wait(60) == 128 + signal.SIGTERM
    assert len(bench.log("begin")) == 1
    assert bench.is_quiet()


#: What stands behind the standard streams of the command and of the guard, its parent.
STREAMS = """
import os, sys
streams = lambda pid: [f"/proc/{pid}/fd/{number}" for number in range(3)]
mine = [os.path.exists(stream) for stream in streams(os.getpid())]
theirs = [os.readlink(stream) for stream in streams(os.getppid()) if os.path.exists(stream)]
with open(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), "w") as file:
    print(mine, theirs, file=file)
"""


def test_closed_streams_are_nobodys_else(bench):
    """What the wrapper opens does not become its stderr, into which libraries write; the command has none still."""
    seen = bench.directory / "seen"
    code, _, _ = bench.run(command=[sys.executable, "-c", STREAMS, str(seen)], preexec_fn=lambda: os.closerange(0, 3))
    assert (code, seen.read_text()) == (0, f"{[False] * 3} {['/dev/null'] * 3}\n")


def test_ignored_sigchld_is_not_inherited(bench):
    """Where the parent ignores SIGCHLD, the kernel would keep from us how our children ended: we do not ignore it."""
    ignore = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    assert bench.run(command=["sh", "-c", "exit 3"], preexec_fn=ignore) == (3, "", "")
