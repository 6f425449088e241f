"""A command and everything it started: found, signalled and seen dead; with what Linux offers for it."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import sys
import time
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

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
#: Seconds that one wait lasts at most: the kernel counts its milliseconds in 31 bits.
LONGEST_POLL: Final = 86400.0

#: Those of a thread, where the kernel is Linux and tells.
CHILDREN: Final = Path("/proc/thread-self/children")

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
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # by who started us: the kernel would bury our children
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return os.fork()


def occupy_streams() -> None:
    """Open nothing where stdin, stdout or stderr is closed, for us alone: libraries write there, whatever it is."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)


def wait_for(descriptors: Iterable[int], seconds: float | None) -> None:
    """
    Wait until one of *descriptors* has something to read, or *seconds* have passed; None is for ever.

    As `select` does, which fails if the process has more than 1,024 files open.
    """
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    waiting.poll(None if seconds is None else ceil(1000 * min(seconds, LONGEST_POLL)))


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that it can be seen dead. Linux only."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sees_orphans() -> bool:
    """Tell whether, after `adopt_orphans`, nobody whom a child has started can live and not be seen."""
    return _prctl() is not None and CHILDREN.exists()


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
    for pid in children():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != group:
                os.kill(pid, number)


def is_gone(group: int) -> bool:
    """Tell whether nothing is left: nobody in the process group, and no child of this process."""
    return not signal_group(group, 0) and not children()


def children() -> set[int]:
    """Return the children of this thread and the orphans that the first thread adopts; none where that is unknown."""
    try:
        return set(map(int, CHILDREN.read_text(encoding="ascii").split()))
    except OSError:
        return set()


def kill_family(group: int, strangers: set[int]) -> None:
    """Kill the process group, if it is not 0, and all children but *strangers*; return when nobody of them is left."""
    while True:
        is_left = group != 0 and signal_group(group, signal.SIGKILL)
        for pid in children() - strangers:
            is_left = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if not is_left:
            return
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


def forget_signals() -> None:
    """Handle signals in this child of a process with `watched_signals` as if it had been executed, not forked."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, *FORWARDED):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores, and a command does not expect
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def _ignore(*_: object) -> None:
    """Handle a signal; its byte is on its way to the loop."""
