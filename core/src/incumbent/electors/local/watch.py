"""One thread that waits, in the kernel, for the end of the leaders of all elections of a process."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable

__all__ = ["AVAILABLE", "Watcher"]

#: Without epoll there is no edge-triggered waiting; the runner polls then.
AVAILABLE = hasattr(select, "epoll")


class Watcher:
    """
    Calls back when something happens to the FIFOs that it is given. Thread-safe.

    Edge-triggered: a FIFO without a writer stays "hung up" until the next leader opens it, and would
    otherwise keep the thread spinning.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._epoll: select.epoll | None = None
        self._stop: tuple[int, int] = (-1, -1)
        self._thread: threading.Thread | None = None

    def add(self, descriptor: int, callback: Callable[[], None], *, data: bool) -> None:
        """
        Call *callback* when the last writer of *descriptor* is gone; with *data*, also when something is written.

        Raises:
            OSError: There are no descriptors or threads left.
        """
        with self._lock:
            epoll = self._started()
            mask = select.EPOLLET | (select.EPOLLIN if data else 0)
            if descriptor in self._callbacks:
                epoll.modify(descriptor, mask)
            else:
                epoll.register(descriptor, mask)
            self._callbacks[descriptor] = callback

    def remove(self, descriptor: int) -> None:
        """Stop watching *descriptor*, which is still open."""
        with self._lock:
            if self._callbacks.pop(descriptor, None) is not None and self._epoll is not None:
                self._epoll.unregister(descriptor)

    def close(self) -> None:
        """End the thread and free everything. Idempotent."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                os.write(self._stop[1], b".")
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def forget(self) -> None:
        """Close the inherited descriptors, in a forked child, where the thread does not exist (P9)."""
        if self._thread is not None and self._epoll is not None:
            self._free(self._epoll)
        self._thread = None

    def _started(self) -> select.epoll:
        if self._thread is None or self._epoll is None:
            self._epoll = select.epoll()
            self._stop = os.pipe()
            self._callbacks = {}
            self._epoll.register(self._stop[0], select.EPOLLIN)
            self._thread = threading.Thread(
                target=self._watch, args=(self._epoll, self._stop), name="incumbent-local-watch", daemon=True
            )
            self._thread.start()
        return self._epoll

    def _watch(self, epoll: select.epoll, stop: tuple[int, int]) -> None:
        while True:
            for descriptor, _ in epoll.poll():
                if descriptor == stop[0]:
                    self._free(epoll)
                    return
                callback = self._callbacks.get(descriptor)
                if callback is not None:
                    callback()

    def _free(self, epoll: select.epoll) -> None:
        epoll.close()
        for descriptor in self._stop:
            with contextlib.suppress(OSError):
                os.close(descriptor)
