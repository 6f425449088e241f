"""The end of the process: elections that nobody has closed are left then, as far as a few seconds suffice for it."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from typing import Any, Protocol
from weakref import WeakSet

from .candidacy import Candidacy

__all__ = ["has_begun", "watch"]

_log = logging.getLogger("incumbent")

#: The end of the process is put off for as long at most, seconds.
LONGEST = 5.0


class _Runner(Protocol):
    def leave_all(self) -> list[Candidacy]: ...

    def join(self, timeout: float) -> bool: ...


class _Process:
    def __init__(self) -> None:
        self.runners: WeakSet[_Runner] = WeakSet()
        self.is_ending = False
        self.finalizer: Any = None


#: By their numbers: what the parent of a forked child leads is not the child's (P9).
_processes: dict[int, _Process] = {}


def _this() -> _Process:
    return _processes.setdefault(os.getpid(), _Process())


def watch(runner: _Runner) -> None:
    """
    Have the candidates of *runner* leave when this process ends by itself, after its threads that are no daemons.

    What the program registers with `atexit` after this runs before that, and what it has registered runs later.
    """
    process = _this()
    process.runners.add(runner)
    atexit.unregister(_leave)
    atexit.register(_leave)
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None and process.finalizer is None and sys.version_info < (3, 13):
        # Its forked children end without `atexit` there.
        process.finalizer = multiprocessing.Finalize(None, _leave_child, exitpriority=0)


def has_begun() -> bool:
    """Tell whether this process is at its end."""
    return _this().is_ending


def _leave() -> None:
    process = _this()
    process.is_ending = True
    end = time.monotonic() + LONGEST
    runners = list(process.runners)
    leaving = [candidate for runner in runners for candidate in runner.leave_all()]
    for candidate in leaving:
        if not candidate.has_finished(max(0.0, end - time.monotonic())):
            _complain(candidate)
    for runner in runners:
        runner.join(max(0.0, end - time.monotonic()))


def _leave_child() -> None:
    """Leave, unless other threads go on, which are waited for after this, and may be the leader's work."""
    if all(thread.daemon or thread is threading.current_thread() for thread in threading.enumerate()):
        _leave()


def _complain(candidate: Candidacy) -> None:
    _log.warning(
        "%s: the process ends without close(), and waited %g s for %s: a claim lasts until its ttl of %g s has passed",
        candidate,
        LONGEST,
        candidate.dispatcher.current or "the backend",
        candidate.config.ttl,
    )
