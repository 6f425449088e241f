"""An event loop, as the engine's threads see it: where somebody waits to be woken, and where work is done."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from contextlib import suppress
from math import inf
from typing import Any, TypeVar

from incumbent.errors import InvalidStateError

__all__ = ["Loop"]

T = TypeVar("T")

#: How often a thread that waits for the loop looks whether there still is one, seconds.
LOOK = 1.0


class Loop:
    """The loop that runs when `enter` is called. `until` and `wake` belong to it, the rest to other threads."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: dict[asyncio.Future[Any], Callable[[], Any]] = {}

    def enter(self) -> None:
        """Use the loop that runs now."""
        self._loop = asyncio.get_running_loop()

    async def until(self, holds: Callable[[], T], timeout: float | None = None) -> T:
        """
        Wait until *holds* answers something true, *timeout* seconds at most, and return what it answered last.

        It is asked again by each `wake`, in that turn of the loop. Whoever is cancelled while he waits is cancelled,
        whatever comes at the same moment, which `asyncio.wait_for` does not grant before Python 3.12.
        """
        if self._loop is None:
            raise InvalidStateError("the election is not started: use an async with block")
        end = inf if timeout is None else self._loop.time() + timeout
        if (answer := holds()) or self._loop.time() >= end:
            return answer
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._waiters[waiter] = holds
        alarm = None if end == inf else self._loop.call_at(end, self._wake, waiter, True)
        try:
            return await waiter
        finally:
            del self._waiters[waiter]
            if alarm is not None:
                alarm.cancel()

    def wake(self) -> None:
        """Have those who wait look again."""
        for waiter in self._waiters:
            self._wake(waiter)

    def _wake(self, waiter: asyncio.Future[Any], is_last: bool = False) -> None:
        if not waiter.done():
            answer = self._waiters[waiter]()
            if answer or is_last:
                waiter.set_result(answer)

    def wake_threadsafe(self) -> None:
        """Do so from another thread. Never raises."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self.wake)

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """
        Have *work* done on the loop, and block until it is.

        Raises:
            RuntimeError: The loop is closed, and will never come to it.
            Exception: What *work* raises.
        """
        assert self._loop is not None
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            while not wait([future], LOOK).done:
                if self._loop.is_closed():
                    raise RuntimeError("the event loop was closed before it was done")
            future.result()
        finally:
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()
