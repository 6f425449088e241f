"""Work of asyncio during a term: a coroutine that never goes on after its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from functools import partial
from typing import Any, Generic, TypeVar

from incumbent.term import Term

__all__ = ["Work"]

T = TypeVar("T")


class Work(Generic[T]):
    """
    A task that does *work* while *term* lasts. It belongs to the loop that runs.

    The clock is asked wherever the work would go on from an `await` (P2), for the loop may hear of the end later: in
    another turn, or after a suspension, which its own clock has not counted. Who waits is cancelled when it hears it.

    Attributes:
        task: The task, which ends by itself or has been cancelled once.
        is_lost: Whether the term ended first.
    """

    def __init__(self, work: Awaitable[T], term: Term) -> None:
        self._work = work if asyncio.iscoroutine(work) else _wait_for(work)
        self._term = term
        self._is_cancelled = self.is_lost = False
        self.task: asyncio.Task[T] = asyncio.ensure_future(_wait_for(self))

    def cancel(self) -> None:
        """Cancel it. The end of the term, if it comes after that, does not interrupt what it still has to do."""
        self._is_cancelled = True
        self.task.cancel()

    def is_over(self) -> bool:
        """Tell whether it has ended, or is to end with its term, for which it is cancelled."""
        if not self.task.done() and self._is_to_end():
            self.task.cancel()
        return self.task.done() or self.is_lost

    async def end(self) -> None:
        """Wait for its end, whatever it ends with; pass on each cancellation that comes meanwhile."""
        cancelled = None
        while not self.task.done():
            try:
                await asyncio.wait({self.task})
            except asyncio.CancelledError as error:
                self.cancel()
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _is_to_end(self) -> bool:
        """Tell, once, that the term is over."""
        if self._is_cancelled or self._term.is_valid():
            return False
        self._is_cancelled = self.is_lost = True
        return True

    def __await__(self) -> Generator[Any, Any, T]:
        """Do it step by step, as `await` does; it gets `CancelledError` in place of a step after the term."""
        step = partial(self._work.send, None)
        while True:
            if self._is_to_end():
                step = partial(self._work.throw, asyncio.CancelledError())
            try:
                awaited = step()
            except StopIteration as ended:
                result: T = ended.value
                return result
            try:
                yield awaited
            except GeneratorExit:  # the loop has gone
                self._work.close()
                raise
            except BaseException as error:
                step = partial(self._work.throw, error)
            else:
                step = partial(self._work.send, None)


async def _wait_for(awaitable: Awaitable[T]) -> T:
    return await awaitable
