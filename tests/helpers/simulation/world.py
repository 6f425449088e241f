"""Virtual time: what happens next, and tasks that can wait in it. Everything is decided by the seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

__all__ = ["Task", "World"]


class Task:
    """A function that runs in virtual time: it may wait, while others go on."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.greenlet = greenlet(function)

    def start(self) -> None:
        """Begin: whoever does this is who goes on when it waits, and not who made it."""
        self.greenlet.parent = getcurrent()
        self.greenlet.switch()

    def kill(self) -> None:
        """End it where it waits."""
        if not self.greenlet.dead:
            self.greenlet.parent = getcurrent()
            self.greenlet.throw(GreenletExit)


class World:
    """The queue of everything that will happen."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.events = 0
        self.trace: list[str] | None = [] if traced else None
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        #: Called after every event.
        self.after_each: Callable[[], None] = lambda: None

    def after(self, delay: float, act: Callable[[], None]) -> None:
        """Do *act* in *delay* seconds."""
        self._number += 1
        heapq.heappush(self._queue, (self.now + delay, self._number, act))

    def say(self, who: object, what: str) -> None:
        """Add a line to the trace, if there is one."""
        if self.trace is not None:
            self.trace.append(f"{self.now:10.3f}  {who!s:<10} {what}")

    def step(self) -> bool:
        """Let the next event happen. Returns False when there is none."""
        if not self._queue:
            return False
        self.now, _, act = heapq.heappop(self._queue)
        self.events += 1
        act()
        self.after_each()
        return True

    def run_until(self, moment: float) -> None:
        """Let everything happen that happens before *moment*."""
        while self._queue and self._queue[0][0] <= moment:
            self.step()
        self.now = max(self.now, moment)

    # ------------------------------------------------------------ inside a task

    def wait(self, arrange: Callable[[Callable[[Any], None]], None]) -> Any:
        """Suspend the current task until the function that *arrange* is given is called, and return its argument."""
        me = getcurrent()
        done = False

        def resume(value: Any) -> None:
            nonlocal done
            if not done and not me.dead:
                done = True
                me.parent = getcurrent()
                me.switch(value)

        arrange(resume)
        return me.parent.switch()
