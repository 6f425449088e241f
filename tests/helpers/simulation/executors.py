"""What outlives a crashed process, and executes what it has left: soon, late, twice, or never (P11)."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cluster import Cluster

__all__ = ["Executors", "Will"]

#: Seconds that the kernel and the executor take, at most, when nothing holds them up.
SOON = 0.3


class Will:
    """What one candidate has left: all testaments that it ever had, the newest last."""

    descriptors: tuple[int, ...] = ()

    def __init__(self) -> None:
        self.testaments: list[str] = []

    def leave(self, testament: str) -> None:
        if testament not in self.testaments[-1:]:
            self.testaments.append(testament)


class Executors:
    """One for each process, on its host. Draws from a source of its own, so that seeds without it stay the same."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        self._random = Random(f"executors of {seed}")

    def died(self, will: Will) -> None:
        """Execute what a dead process has left, at times that no promise may depend on."""
        late = 4 * self._cluster.ttl
        for _ in range(self._random.choice([0, 1, 1, 2])):
            pause = self._random.choice([SOON, SOON, late]) * self._random.random()
            # The newest, as a rule; and what was the newest before, had the executor been told too late.
            testaments = will.testaments[-1:] if self._random.random() < 0.8 else will.testaments
            for testament in testaments:
                self._cluster.world.after(pause, lambda testament=testament: self._execute(testament))

    def _execute(self, testament: str) -> None:
        store = self._cluster.store
        if store.frozen:
            store.pending.append(lambda: self._execute(testament))
        elif store.up:
            ended = store.execute(testament)
            self._cluster.world.say("executor", f"{'ends' if ended else 'finds no'} {testament}")
