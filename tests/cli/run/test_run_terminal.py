"""`incumbent run` on a terminal, from an interactive shell: the command behaves as if it was run directly."""

import os
import select
import shlex
import subprocess
import sys
import termios
import time

import pytest

ASK = """
import os, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: (print("interrupted"), sys.exit(5)))
print("foreground", os.tcgetpgrp(0) == os.getpgrp(), *map(os.isatty, range(3)))
print("read", input().upper())
time.sleep(60)
"""

TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, environment):
        self._master, slave = os.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)

        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, "/bin/sh", "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**environment, "PS1": "", "ENV": "/dev/null"},
        )
        os.close(slave)
        self._seen = ""

    def type(self, text):
        os.write(self._master, text.encode())

    def sees(self, text, timeout=60.0):
        """Wait until *text* is shown; what stands before it is not looked at again."""
        end = time.monotonic() + timeout
        while text not in self._seen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} is not shown: {self._seen!r}"
            self._seen += os.read(self._master, 4096).decode()
        self._seen = self._seen.partition(text)[2]

    def close(self):
        with self.process:
            self.process.kill()
            os.close(self._master)


@pytest.fixture
def shell(bench):
    shell = Shell(bench.environment)
    yield shell
    shell.close()


@pytest.fixture
def typed(bench):
    """Return the command line that runs a Python script under `incumbent run`."""

    def line(script, *options):
        (bench.directory / "script").write_text(script)
        command = [sys.executable, "-S", "-E", "-u", str(bench.directory / "script")]
        return shlex.join(
            [*bench.incumbent, "run", "--elector", bench.local, "--name", "job", *options, "--", *command]
        )

    return line


def test_command_reads_the_terminal_and_gets_its_signals(shell, typed):
    """The command is in the foreground; Ctrl-C is its own to handle, and the terminal is the shell's again after it."""
    shell.type(typed(ASK) + "\n")
    shell.sees("foreground True True True True")
    shell.type("hello\n")
    shell.sees("read HELLO")
    shell.type("\x03")
    shell.sees("interrupted")
    shell.type("echo code $?\n")
    shell.sees("code 5")


def test_suspended_command_comes_back(shell, typed):
    """Ctrl-Z stops wrapper and command together; `fg` brings both back, the terminal with them."""
    shell.type(typed(ASK) + "\n")
    shell.sees("foreground True")
    shell.type("\x1a")
    shell.sees("Stopped")
    shell.type("echo shell again\n")
    shell.sees("shell again")
    shell.type("fg\n")
    shell.type("hello\n")
    shell.sees("read HELLO")
    shell.type("\x03")
    shell.sees("interrupted")


def test_terminal_comes_back_from_a_killed_command(shell, typed):
    """Whatever took the terminal and was killed, the wrapper gives it back to the shell."""
    shell.type(typed("import os; print('ready'); os.kill(os.getpid(), 9)") + "\n")
    shell.sees("ready")
    shell.type("echo code $?\n")
    shell.sees("code 137")


def test_every_term_gets_the_terminal(shell, typed):
    """Between two terms the terminal is the wrapper's, which gives it to the next command."""
    shell.type(typed(ASK, "--relinquish-interval", "500ms", "--ttl", "2") + "\n")
    for _ in range(3):
        shell.sees("foreground True")


def test_pipeline_keeps_the_terminal(shell, typed, bench):
    """In a pipeline the foreground is not the wrapper's to give: what stands beside it may read the terminal."""
    begun, read = bench.directory / "begun", bench.directory / "read"
    script = (
        f"until test -e {begun}; do sleep 0.02; done; echo ready; read line </dev/tty; echo read $line; touch {read}"
    )
    reader = shlex.join(["sh", "-c", f"{script}; cat"])
    waiter = f"""
import pathlib, time
pathlib.Path({str(begun)!r}).touch()
while not pathlib.Path({str(read)!r}).exists():
    time.sleep(0.02)
print("through")
"""
    shell.type(typed(waiter) + f" | {reader}\n")
    shell.sees("ready")
    shell.type("hello\n")
    shell.sees("read hello")
    shell.sees("through")


def test_waiting_wrapper_ends_at_ctrl_c(shell, typed, bench):
    """While it waits, the wrapper itself is in the foreground, and Ctrl-C ends it."""
    bench.start(command=bench.worker())
    bench.begun()
    shell.type(typed("print('never')") + "\n")
    bench.waits_for_signals(bench.child_of(shell.process.pid))
    shell.type("\x03")
    shell.type("echo code $?\n")
    shell.sees("code 130")
