"""A bounded pool of daemon threads in which a stuck job costs its own thread and nobody else's."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

__all__ = ["AtOnce", "Executor", "Workers"]


class Executor(Protocol):
    """Where the runner has its jobs done; tests hand in one that runs them when told to."""

    def submit(self, job: Callable[[], None]) -> None:
        """Run *job*, which never raises, some time, on some thread."""

    def adjust(self) -> float | None:
        """Make room if jobs wait behind stuck ones. Returns seconds until this is worth calling again."""

    def close(self, timeout: float) -> None:
        """Wait *timeout* seconds at most for the jobs that are left, and end the idle threads."""


class AtOnce:
    """Runs each job where it is submitted."""

    def submit(self, job: Callable[[], None]) -> None:
        """Run *job*."""
        job()

    def adjust(self) -> float | None:
        """Do nothing: no job ever waits."""
        return None

    def close(self, timeout: float) -> None:
        """Do nothing: no job is left."""


class Workers:
    """
    At most *size* threads for jobs that behave; one more for every job older than *patience* seconds.

    `concurrent.futures` is not used because it has a fixed size, and joins its threads at the
    interpreter's exit: one call that never returns would stop other elections, and the exit (P10).
    Thread-safe.
    """

    def __init__(self, name: str, *, size: int, patience: float) -> None:
        self._name = name
        self._size = size
        self._patience = patience
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._threads: set[threading.Thread] = set()
        self._began: dict[threading.Thread, float] = {}
        self._closed = False

    def submit(self, job: Callable[[], None]) -> None:
        """Run *job*, which must not raise, on one of the threads."""
        with self._changed:
            self._jobs.append(job)
            self._make_room()
            self._changed.notify()

    def adjust(self) -> float | None:
        """Start a thread if jobs wait behind stuck ones. Returns seconds until this is worth calling again."""
        with self._changed:
            self._make_room()
            return self._patience if self._jobs else None

    def close(self, timeout: float) -> None:
        """Wait *timeout* seconds at most for the jobs that are left, and end the idle threads."""
        end = time.monotonic() + timeout
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = self._threads - {threading.current_thread()}
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _make_room(self) -> None:
        late = time.monotonic() - self._patience
        prompt = sum(began > late for began in self._began.values())
        idle = len(self._threads) - len(self._began)
        for _ in range(min(len(self._jobs) - idle, self._size - prompt - idle)):
            thread = threading.Thread(target=self._work, name=f"{self._name}-{next(self._numbers)}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no thread to give just now: `adjust` tries again
                return
            self._threads.add(thread)

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self._began.pop(me, None)
                surplus = len(self._threads) - len(self._began) > self._size
                while not self._jobs and not self._closed and not surplus:
                    self._changed.wait()
                if not self._jobs:
                    self._threads.discard(me)
                    return
                job = self._jobs.popleft()
                self._began[me] = time.monotonic()
            job()
