"""One thread that waits, in the kernel, for the end of the leaders of all elections of a process."""

from __future__ import annotations

import errno
import os
import select
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path

from .deletions import Deletions

__all__ = ["AVAILABLE", "Watcher"]

#: Without epoll there is no edge-triggered waiting; the runner polls then.
AVAILABLE = hasattr(select, "epoll")

_watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()


class _Run:
    """What belongs to one thread, from its start to its end: a backend that is closed may be used again meanwhile."""

    def __init__(self) -> None:
        self.stop = os.pipe()
        try:
            self.epoll = select.epoll()
        except OSError:
            self._close_stop()
            raise
        self.masks: dict[int, int] = {}
        self.callbacks: dict[int, Callable[[], None]] = {}
        self.deletions: Deletions | None = None
        self.epoll.register(self.stop[0], select.EPOLLIN)

    def free(self) -> None:
        """Close everything."""
        self.epoll.close()
        self._close_stop()
        if self.deletions is not None:
            self.deletions.close()

    def _close_stop(self) -> None:
        for descriptor in self.stop:
            os.close(descriptor)


class Watcher:
    """
    Calls back when something happens to the FIFOs and the files that it is given. Thread-safe.

    Edge-triggered: a FIFO without a writer stays "hung up" until the next leader opens it, and would
    otherwise keep the thread spinning.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._thread: threading.Thread | None = None
        _watchers.add(self)

    def add(self, descriptor: int, callback: Callable[[], None], *, data: bool) -> None:
        """
        Call *callback* when the last writer of *descriptor* is gone; with *data*, also when something is written.

        Raises:
            OSError: There are no descriptors or threads left.
        """
        with self._lock:
            run = self._started()
            mask = select.EPOLLET | (select.EPOLLIN if data else 0)
            if descriptor not in run.callbacks:
                run.epoll.register(descriptor, mask)
            elif run.masks[descriptor] != mask:  # else what is the case already would be told once more
                run.epoll.modify(descriptor, mask)
            run.masks[descriptor] = mask
            run.callbacks[descriptor] = callback

    def remove(self, descriptor: int) -> None:
        """Stop watching *descriptor*, which is still open."""
        with self._lock:
            if self._run is not None and self._run.callbacks.pop(descriptor, None) is not None:
                self._run.epoll.unregister(descriptor)

    def add_files(self, paths: Iterable[Path], callback: Callable[[], None]) -> list[int]:
        """
        Call *callback* when one of *paths* is removed or replaced, and return what `remove_files` takes.

        Raises:
            OSError: There are no descriptors or threads left.
        """
        with self._lock:
            run = self._started()
            if run.deletions is None:
                run.deletions = Deletions()
                if run.deletions.descriptor >= 0:
                    run.epoll.register(run.deletions.descriptor, select.EPOLLIN)
            watches = [run.deletions.add(path, callback) for path in paths]
            return [watch for watch in watches if watch is not None]

    def remove_files(self, watches: Iterable[int]) -> None:
        """End what `add_files` began. The files are still open, or another's watch may have the same number."""
        with self._lock:
            if self._run is not None and self._run.deletions is not None:
                for watch in watches:
                    self._run.deletions.remove(watch)

    def close(self) -> None:
        """End the thread and free everything. Idempotent."""
        with self._lock:
            thread, self._thread = self._thread, None
            run, self._run = self._run, None
            if run is not None:
                os.write(run.stop[1], b".")
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def forget(self) -> None:
        """Close the inherited descriptors, in a forked child, where the thread does not exist (P9)."""
        if self._run is not None:
            self._run.free()
        self._lock = threading.Lock()  # a thread that does not exist here may hold the other
        self._run = self._thread = None

    def _started(self) -> _Run:
        if self._run is None:
            run = _Run()
            thread = threading.Thread(target=self._watch, args=(run,), name="incumbent-local-watch", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                run.free()
                raise OSError(errno.EAGAIN, str(error)) from error
            self._run, self._thread = run, thread
        return self._run

    def _watch(self, run: _Run) -> None:
        while True:
            for descriptor, _ in run.epoll.poll():
                if descriptor == run.stop[0]:
                    run.free()
                    return
                for callback in self._told(run, descriptor):
                    callback()

    def _told(self, run: _Run, descriptor: int) -> list[Callable[[], None]]:
        with self._lock:
            if run.deletions is not None and descriptor == run.deletions.descriptor:
                return run.deletions.read()
            callback = run.callbacks.get(descriptor)
            return [] if callback is None else [callback]


def _after_fork_in_child() -> None:
    for watcher in list(_watchers):
        watcher.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
