"""A process of the cluster: a clock that runs at its own rate, an engine, and the misfortunes of processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from incumbent import Runner

from .world import Task, World

__all__ = ["Process"]

#: The longest that a thread of a healthy process waits for its turn, seconds.
SCHEDULING = 0.02


class _SteppedRunner(Runner):
    """The real runner, which the process steps instead of a thread."""

    def __init__(self, process: Process) -> None:
        self._process = process
        super().__init__(process, _Threads(process), _Threads(process), jitter=process.world.random.random)

    def _start(self) -> None:
        self._process.wake()

    def post(self, candidate, event):
        super().post(candidate, event)
        self._process.wake()


class _Threads:
    """An executor whose threads are tasks of the process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def submit(self, job: Callable[[], None]) -> None:
        self._process.spawn(job)

    def adjust(self) -> float | None:
        return None

    def close(self, timeout: float) -> None:
        pass


class Process:
    """
    One process: it is an `incumbent.Clock`, and has a runner.

    While it is paused nothing in it happens, but its clock goes on (as in SIGSTOP, or a suspended machine
    whose boot-time clock counts that). What became due meanwhile happens when it continues.
    """

    def __init__(self, world: World, name: str, rate: float) -> None:
        self.world = world
        self.name = name
        self.rate = rate
        self._offset = world.random.uniform(0, 1e6)
        self._wall = world.random.uniform(-1e8, 1e8)
        self.alive = True
        self.paused = False
        self._held: deque[Callable[[], None]] = deque()
        self._tasks: set[Task] = set()
        self._wake_due: float | None = None
        #: Called when it has crashed.
        self.ended: Callable[[], None] = lambda: None
        self.runner = _SteppedRunner(self)

    def __str__(self) -> str:
        return self.name

    # ------------------------------------------------------------ incumbent.Clock

    def now(self) -> float:
        """Return seconds on this process's clock."""
        return self._offset + self.world.now * self.rate

    def wall(self) -> float:
        """Return this process's idea of wall time."""
        return 1.7e9 + self._wall + self.world.now

    def step_wall(self, seconds: float) -> None:
        """Set its wall clock."""
        self._wall += seconds

    # ------------------------------------------------------------ running

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do *act* in this process when *seconds* have passed on its clock; not at all once it is dead."""
        self.world.after(max(0.0, seconds) / self.rate, lambda: self.run(act))

    def run(self, act: Callable[[], None]) -> None:
        """Do *act* now, or when the process continues."""
        if self.paused:
            self._held.append(act)
        elif self.alive:
            act()

    def spawn(self, function: Callable[[], None]) -> None:
        """Run *function* on a thread of this process."""

        def work() -> None:
            function()
            self._tasks.discard(task)

        task = Task(work)
        self._tasks.add(task)
        self.after(self.world.random.random() * SCHEDULING, task.start)

    def sleep(self, seconds: float) -> None:
        """Let the current thread of this process sleep."""
        self.world.wait(lambda resume: self.after(seconds, lambda: resume(None)))

    def wake(self) -> None:
        """Have the runner step soon."""
        self._wake(self.world.random.random() * SCHEDULING)

    def _wake(self, seconds: float) -> None:
        due = self.world.now + seconds / self.rate
        if self._wake_due is not None and self._wake_due <= due:
            return
        self._wake_due = due

        def step() -> None:
            if self._wake_due == due:
                self._wake_due = None
                pause = self.runner.step()
                if self.runner._candidates or not self.runner._inbox.empty():
                    self._wake(pause)

        self.after(seconds, step)

    # ------------------------------------------------------------ misfortunes

    def pause(self) -> None:
        """Stop it where it is."""
        self.paused = True
        self.world.say(self, "is paused")

    def resume(self) -> None:
        """Let it go on; what was held back happens in order."""
        if self.paused and self.alive:
            self.paused = False
            self.world.say(self, "goes on")
            while self._held and not self.paused and self.alive:
                self._held.popleft()()

    def crash(self) -> None:
        """End it without a farewell."""
        self.alive = self.paused = False
        self._held.clear()
        self.world.say(self, "crashes")
        self.ended()

    def bury(self) -> None:
        """Free what a dead process has left."""
        for task in list(self._tasks):
            task.kill()
        self._tasks.clear()
