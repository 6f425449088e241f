"""Between processes and the server: requests and answers that are late, lost, repeated or overtaken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from incumbent import BackendUnavailableError

from .process import Process
from .stores import Store
from .world import World

__all__ = ["Network"]

T = TypeVar("T")

#: What a request that was answered with an error, or not in time, comes back as.
_REFUSED, _SILENCE = object(), object()
#: The mean time of one way, and the longest that a message is held up, seconds.
TYPICAL, LONGEST = 0.004, 20.0


class Network:
    """Every message takes its own time, so that any can overtake any."""

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        #: Shares of messages that are held up, lost, or arrive twice.
        self.slow = self.loss = self.twice = 0.0
        #: Processes whose requests do not arrive; whose answers do not.
        self.deaf: set[str] = set()
        self.mute: set[str] = set()
        #: Processes whose answers take so many seconds more.
        self.lag: dict[str, float] = {}

    def request(self, process: Process, act: Callable[[], T], timeout: float) -> T:
        """
        Have the server do *act*, and return what it answers. Called in a task of *process*.

        Raises:
            BackendUnavailableError: No answer in time. The server may have done it, or may still do it.
        """

        def arrange(resume: Callable[[Any], None]) -> None:
            process.after(timeout, lambda: resume(_SILENCE))
            for _ in range(2 if self._world.random.random() < self.twice else 1):
                if process.name not in self.mute:
                    self._carry(lambda: self._arrive(process, act, resume))

        answer = self._world.wait(arrange)
        if answer is _REFUSED:
            raise BackendUnavailableError("refused")
        if answer is _SILENCE:
            raise BackendUnavailableError("no answer")
        return answer  # type: ignore[no-any-return]

    def news(self, process: Process, tell: Callable[[], None]) -> None:
        """Bring a notification to *process*."""
        if process.name not in self.deaf:
            self._carry(lambda: process.run(tell))

    def _arrive(self, process: Process, act: Callable[[], T], resume: Callable[[Any], None]) -> None:
        store = self._store
        if store.frozen:
            store.pending.append(lambda: self._arrive(process, act, resume))
            return
        answer = act() if store.up else _REFUSED
        if process.name not in self.deaf:
            self._carry(lambda: process.run(lambda: resume(answer)), self.lag.get(process.name, 0.0))

    def _carry(self, deliver: Callable[[], None], lag: float = 0.0) -> None:
        random = self._world.random
        if random.random() < self.loss:
            return
        delay = lag + random.expovariate(1 / TYPICAL)
        if random.random() < self.slow:
            delay += random.random() ** 2 * LONGEST
        self._world.after(delay, deliver)
