"""What is expected of PID 1: as the first process of a container, pass signals on and bury every orphan."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import Final

from ._processes import FORWARDED, KILL_POLL, fork

#: Seconds that a guard gets at most: what else is here may never end.
LONGEST: Final = 5.0


def leave_init() -> None:
    """
    Return in a child of this process, which itself serves as init until that child ends, with its exit code.

    A process apart, because the wrapper must not wait for children that it does not know: a plugin
    that runs programs of its own would lose their exit codes.
    """
    signals = {*FORWARDED, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    child = fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    _bury(child)  # who died before SIGCHLD was held back has left no signal behind
    while True:
        arrived = signal.sigwaitinfo(signals)
        if arrived.si_signo == signal.SIGCHLD:
            _bury(child)
        elif arrived.si_code <= 0:  # from a process; what a terminal sends, the child gets as well
            os.kill(child, arrived.si_signo)


def _bury(child: int) -> None:
    """Wait for all that are dead; leave when *child* is among them, and then the kernel ends what is left."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                _outlast_guard()
            os._exit(128 - code if code < 0 else code)


def _outlast_guard() -> None:
    """Wait until the guard of a wrapper that was killed has given its term up: it ends with us, and has come here."""
    end = time.monotonic() + LONGEST
    with suppress(ChildProcessError):  # nobody is left
        while time.monotonic() < end:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(KILL_POLL)
