"""Programs and forks that end with the test that started them, however it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from patience import PATIENCE

__all__ = ["end", "forked", "started"]


@contextlib.contextmanager
def started(*command: object, **settings) -> Iterator[subprocess.Popen]:
    """
    Start *command* in a session of its own, and see it ended when the block is left.

    `with subprocess.Popen(...)` waits there instead: whoever leaves by a failed assertion, or an exceeded timeout,
    then waits for a program that nobody asks to end any more.
    """
    process = subprocess.Popen([*map(str, command)], start_new_session=True, **settings)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """Kill *process*, which leads a session, with its group, and read nothing of what others may still write."""
    if process.returncode is None:  # nobody has waited for it yet, so that its number is still its own
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):  # what was not written yet has nobody to go to
                stream.close()


@contextlib.contextmanager
def forked(child: Callable[[], object]) -> Iterator[int]:
    """Fork, and run *child* there while the block runs here; fail if it does, or if it hangs."""
    gc.collect()  # what other tests have left is not the child's to end: a server of gRPC would wait there for ever
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            child()
            status = 0
        finally:
            os._exit(status)
    yield pid
    end_of_patience = time.monotonic() + PATIENCE
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end_of_patience:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.02)
    assert os.waitstatus_to_exitcode(status) == 0, "the child failed"
