"""One candidate in a process of its own, forked from a process that has everything imported already.

`Zygote` is the driver's end. What a candidate believes goes into its journal, a line at a time and written at once, so
that nothing is lost when it is killed: `[seconds on the boot-time clock, what, token, more]`.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import server_binaries

from incumbent import ElectionError, LeaderElection, LeaderElectionConfig, boottime

__all__ = ["HOLD", "Order", "Zygote", "clock_file"]

#: Seconds between two pieces of work.
PACE = 0.02
#: That signal and the next 29 hold the interpreter's lock for so many tenths of a ttl, as a long call into C does.
HOLD = signal.SIGRTMIN + 1


@dataclass(frozen=True)
class Order:
    """What a candidate is to do."""

    url: str
    name: str
    candidate: str
    ttl: float
    journal: str
    register: int
    relinquish_interval: float | None
    #: Whether it has an executor.
    executor: bool


class Zygote:
    """The process that candidates are forked from. Ends them all when it is closed. Thread-safe."""

    def __init__(self, log: Path, modules: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "torture.candidate", *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **_steppable()},
                start_new_session=True,
            )

    def start(self, order: Order) -> int:
        """Start a candidate, and return its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(asdict(order)) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            if not answer:
                raise RuntimeError(f"candidates cannot be started: {self._log.read_text()[-2000:]}")
            return int(answer)

    def close(self) -> None:
        """End the candidates and the process."""
        self._process.communicate()


def _steppable() -> dict[str, str]:
    """Return what has the wall clock of a process follow a file: see `clock_file`."""
    program = server_binaries.find("faketime")
    library = next(program.parents[1].glob("lib/*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise server_binaries.ServerMissingError(f"{program} has no libfaketimeMT.so.1 beside it: use Debian's package")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",  # seconds after which the file is read again
    }


def clock_file(journal: Path | str) -> Path:
    """Return the file that says by how many seconds a candidate's wall clock is wrong, as "+3600"."""
    return Path(journal).with_suffix(".clock")


def main(modules: list[str]) -> None:
    """Fork a candidate for each line of stdin; kill all when it ends."""
    for module in modules:
        __import__(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    for number in (signal.SIGUSR1, signal.SIGUSR2, *range(HOLD, HOLD + 30)):  # until the candidate has got its bearings
        signal.signal(number, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _run(Order(**json.loads(line)))
            os._exit(0)
        print(pid, flush=True)
    os.killpg(0, signal.SIGKILL)  # them and itself; by their numbers, others would be killed who have got those since


def _run(order: Order) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ["FAKETIME_TIMESTAMP_FILE"] = str(clock_file(order.journal))
    journal = os.open(order.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(what: str, token: int = 0, more: object = None) -> None:
        os.write(journal, (json.dumps([boottime(), what, token, more]) + "\n").encode())

    def elected(term) -> None:
        term.call_at_end(lambda: note("over", term.token))
        note("elected", term.token, until(term))

    election = LeaderElection(
        LeaderElectionConfig(
            order.name,
            candidate=order.candidate,
            ttl=order.ttl,
            relinquish_interval=order.relinquish_interval,
            relinquish_on_crash=order.executor,
            on_elected=elected,
            on_deposed=lambda term, reason: note("deposed", term.token, reason.value),
            follower_callback=lambda _: note("follows"),
        ),
        order.url,
    )
    stop, hand_over = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGUSR1, lambda *_: hand_over.set())
    faulthandler.register(signal.SIGUSR2)  # says where it hangs
    for tenths in range(30):
        signal.signal(HOLD + tenths, lambda number, _: _hold((number - HOLD + 1) / 10 * order.ttl))
    register = socket.create_connection(("127.0.0.1", order.register))
    note("starts")
    try:
        with register, election:
            while not stop.is_set():
                term = election.wait_for_leadership(0.1)
                if term is not None:
                    _work(election, term, order, note, stop, hand_over, register)
    except ElectionError as error:
        note("failed", 0, str(error))
    except Exception as error:
        note("failed", 0, repr(error))
    leftover = [thread.name for thread in threading.enumerate() if thread.name.startswith("incumbent")]
    note("closed", 0, leftover)


def until(term) -> float | None:
    """Return the end of the term as JSON can say it: None for never."""
    return term.deadline if term.deadline < math.inf else None


def _work(election, term, order, note, stop, hand_over, register) -> None:
    """Write to the register for as long as the term is valid, and note how long it was known to be."""
    deadline = None
    while term.is_valid() and not stop.is_set():
        if term.deadline != deadline:
            deadline = term.deadline
            note("valid", term.token, until(term))
        register.sendall(json.dumps([order.name, order.candidate, term.token]).encode() + b"\n")
        if register.recv(16).strip() == b"refused":  # an answer is one line, and the next comes after the next write
            note("refused", term.token)
        if hand_over.is_set():
            hand_over.clear()
            with contextlib.suppress(ElectionError):
                election.relinquish()
        # No `sleep`, which fails under libfaketime 0.9.10; nor `stop`, whose lock a signal's handler would wait for.
        threading.Event().wait(PACE)
    if not stop.is_set():
        note("invalid", term.token)


def _hold(seconds: float) -> None:
    """Sleep in C with the interpreter's lock held: no other thread of the process runs meanwhile."""
    ctypes.PyDLL(None).usleep(round(seconds * 1e6))


if __name__ == "__main__":
    main(sys.argv[1:])
