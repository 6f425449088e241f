"""A command and everything it started: found, signalled and seen dead; with what Linux offers for it."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

#: The signals that the wrapper passes on to the command.
FORWARDED: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)

#: How often what should be dead is looked at, seconds.
KILL_POLL: Final = 0.02

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


@functools.cache
def _prctl() -> Callable[..., int] | None:
    """Return prctl(2), or None where the kernel is not Linux."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - 7 ms, which only this command needs to pay

    return ctypes.CDLL(None).prctl


def fork() -> int:
    """Fork with nothing buffered, which both processes would write otherwise. Call it before there are threads."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or missing
            stream.flush()
    return os.fork()


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that it can be seen dead. Linux only."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends. Linux only."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended before it could be asked for
            os.kill(os.getpid(), signal.SIGKILL)


def set_name(name: bytes) -> None:
    """Set what ps and top call this process, 15 bytes at most. Linux only."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_NAME, name, 0, 0, 0)


def signal_group(group: int, number: int) -> bool:
    """Send signal *number* to the process group. Returns False if nobody is in it any more."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, but under another user: nothing of ours reaches it
        return True
    return True


def signal_all(group: int, number: int) -> None:
    """Send signal *number* to the process group, and to the children of this process that left it."""
    signal_group(group, number)
    for pid in _children():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != group:
                os.kill(pid, number)


def is_gone(group: int) -> bool:
    """Tell whether nothing is left: nobody in the process group, and no child of this process."""
    return not signal_group(group, 0) and not any(True for _ in _children())


def _children() -> Iterator[int]:
    """Yield the children of this single-threaded process, adopted orphans included; none where that is unknown."""
    with contextlib.suppress(OSError):
        yield from map(int, Path("/proc/thread-self/children").read_text(encoding="ascii").split())


def kill_group(group: int) -> None:
    """Kill the process group, and return when nobody is in it any more."""
    while signal_group(group, signal.SIGKILL):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-group, os.WNOHANG)[0]:
                pass
        time.sleep(KILL_POLL)


@contextlib.contextmanager
def watched_signals(wakeup: socket.socket) -> Iterator[None]:
    """
    Have every arriving signal written to *wakeup*, as one byte, and do nothing else.

    A handler is used and not `SIG_IGN`, which a command started from here would inherit. What was
    ignored before (by nohup, or by a shell's `&`) stays ignored, for us and for the command.
    """
    watched = [signal.SIGCHLD, *(n for n in FORWARDED if signal.getsignal(n) is not signal.SIG_IGN)]
    wakeup.setblocking(False)
    before_fd = signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
    before = [signal.signal(number, _ignore) for number in watched]
    try:
        yield
    finally:
        for number, handler in zip(watched, before, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)


def _ignore(*_: object) -> None:
    """Handle a signal; its byte is on its way to the loop."""
