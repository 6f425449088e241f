"""Runs one candidate's callbacks in order, one at a time, away from the threads that renew (P6)."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from incumbent.errors import CallbackError

from .workers import Executor

__all__ = ["Dispatcher"]


#: The callback in which this runs; a task of asyncio has that of the place where it was made.
_callback: ContextVar[tuple[str, threading.Thread] | None] = ContextVar("incumbent_callback", default=None)


def _always() -> bool:
    return True


@dataclass(frozen=True)
class _Entry:
    name: str
    callback: Callable[[], object]
    wanted: Callable[[], bool]


class Dispatcher:
    """
    The queue of one candidate's callbacks.

    *failed* is told, as a `CallbackError`, what a callback raised; the queue goes on. Thread-safe.
    """

    def __init__(self, executor: Executor, failed: Callable[[CallbackError], None]) -> None:
        self._executor = executor
        self._failed = failed
        self._lock = threading.Lock()
        self._queue: deque[_Entry] = deque()
        self._running = False
        self._current: tuple[str, threading.Thread] | None = None

    def put(
        self,
        name: str,
        callback: Callable[[], object],
        *,
        wanted: Callable[[], bool] = _always,
        repeats: bool = False,
    ) -> None:
        """
        Run *callback* after all that were put before.

        Args:
            name: What it is called in messages.
            callback: What to run.
            wanted: Asked right before; if it says no, the callback is left out.
            repeats: It only says again what the callback before it said, so one that still waits stands for both.
        """
        with self._lock:
            if repeats and self._queue and self._queue[-1].name == name:
                return
            self._queue.append(_Entry(name, callback, wanted))
            if self._running:
                return
            self._running = True
        self._executor.submit(self._drain)

    def then(self, name: str, step: Callable[[], object], *, wanted: Callable[[], bool] = _always) -> None:
        """Run *step*, short and the engine's own, after all that were put before: here and now if all have returned."""
        with self._lock:
            if self._running:
                self._queue.append(_Entry(name, step, wanted))
                return
        if wanted():
            step()

    @property
    def current(self) -> str | None:
        """Name of the callback that is running, if one is."""
        current = self._current
        return current[0] if current else None

    def is_inside(self) -> bool:
        """Tell whether the caller runs inside the present callback, or in a task of asyncio that it has started."""
        current = self._current
        return current is not None and (current[1] is threading.current_thread() or current is _callback.get())

    def _drain(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._running = False
                    return
                entry = self._queue.popleft()
            if not entry.wanted():
                continue
            self._current = entry.name, threading.current_thread()
            _callback.set(self._current)
            try:
                _refuse_coroutine(entry.callback())
            except BaseException as error:  # also SystemExit: it ends the run, not just this thread
                message = f"{entry.name} raised {type(error).__name__}: {error}"
                failure = CallbackError(message)
                failure.__cause__ = error
                self._failed(failure)
            finally:
                self._current = None
                _callback.set(None)


def _refuse_coroutine(answer: object) -> None:
    """Refuse what nobody would await: the work in it would never be done."""
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError("it returned a coroutine: use AsyncLeaderElection, or a plain function")
