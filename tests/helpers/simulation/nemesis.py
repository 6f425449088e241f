"""What goes wrong, and when: drawn from the seed, one misfortune after the other, often several at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from .stores import SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cluster import Cluster

__all__ = ["Nemesis"]


class Nemesis:
    """Draws misfortunes until it is told to stop, and then puts everything right."""

    def __init__(self, cluster: Cluster, seed: int, skipped: frozenset[int]) -> None:
        self._cluster = cluster
        self._world = cluster.world
        # Of its own, so that leaving one misfortune out changes the others as little as possible.
        self._random = random.Random(f"nemesis of {seed}")
        self._skipped = skipped
        self.strikes = 0
        self._at_work = True
        #: Each simulation has a character of its own: some misfortunes often, others never.
        acts = [
            self._pause, self._crash, self._partition, self._deafen, self._kill_server, self._freeze_server,
            self._fail_over, self._revoke, self._delete, self._slow, self._lose, self._repeat, self._hand_over,
            self._close, self._step_wall, self._shake, self._choke,
        ]  # fmt: skip
        self._acts: list[Callable[[], None]] = self._random.sample(acts, self._random.randint(2, len(acts)))
        self._pace = self._random.choice([0.1, 0.3, 1.0, 3.0]) * cluster.ttl
        self._repairs: list[Callable[[], None]] = []
        self._next()

    def stop(self) -> None:
        """End all misfortunes."""
        self._at_work = False
        for repair in self._repairs:
            repair()
        self._repairs.clear()

    def _next(self) -> None:
        self._world.after(self._random.expovariate(1 / self._pace), self._strike)

    def _strike(self) -> None:
        if self._at_work:
            act = self._random.choice(self._acts)
            self.strikes += 1
            if self.strikes not in self._skipped:
                act()
            self._next()

    def _for_a_while(self, repair: Callable[[], None], longest: float) -> None:
        """Have *repair* done after a time that is short as often as it is long."""
        self._repairs.append(repair)

        def end() -> None:
            if repair in self._repairs:
                self._repairs.remove(repair)
                repair()

        self._world.after(longest * self._random.random() ** 3, end)

    def _victim(self):
        """Choose a candidate; the leader more often than others."""
        leaders = [candidate for candidate in self._cluster.candidates if candidate.term is not None]
        if leaders and self._random.random() < 0.6:
            return self._random.choice(leaders)
        return self._random.choice(self._cluster.candidates)

    # ------------------------------------------------------------ processes

    def _pause(self) -> None:
        process = self._victim().process
        process.pause()
        self._for_a_while(process.resume, 6 * self._cluster.ttl)

    def _crash(self) -> None:
        self._cluster.crash(self._victim())

    def _close(self) -> None:
        self._cluster.close(self._victim())

    def _hand_over(self) -> None:
        self._cluster.relinquish(self._victim())

    def _step_wall(self) -> None:
        self._victim().process.step_wall(self._random.choice([-86400.0, -3600.0, -1.0, 1.0, 3600.0, 86400.0]))

    def _shake(self) -> None:
        """Many short pauses, as on an overloaded machine."""
        for candidate in self._cluster.candidates:
            candidate.process.pause()
            self._for_a_while(candidate.process.resume, self._cluster.ttl / 3)

    def _choke(self) -> None:
        """Let its answers come later and later, and then stop it, as a machine that runs out of memory does."""
        victim = self._victim()
        lag = self._cluster.network.lag
        lag[victim.process.name] = self._random.random() * victim.election.config.request_timeout
        self._for_a_while(lambda: lag.pop(victim.process.name, None), 2 * self._cluster.ttl)

        def stop() -> None:
            if self._at_work and victim.process.alive:
                victim.process.pause()
                self._for_a_while(victim.process.resume, 6 * self._cluster.ttl)

        self._world.after(self._random.random() * self._cluster.ttl, stop)

    # ------------------------------------------------------------ the network

    def _partition(self) -> None:
        self._cut(self._cluster.network.mute, self._cluster.network.deaf)

    def _deafen(self) -> None:
        self._cut(self._random.choice([self._cluster.network.mute, self._cluster.network.deaf]))

    def _cut(self, *directions: set[str]) -> None:
        name = self._victim().process.name
        self._world.say("network", f"cuts off {name}")
        for direction in directions:
            direction.add(name)

        def heal() -> None:
            for direction in directions:
                direction.discard(name)

        self._for_a_while(heal, 5 * self._cluster.ttl)

    def _slow(self) -> None:
        self._share("slow", 0.3)

    def _lose(self) -> None:
        self._share("loss", 0.5)

    def _repeat(self) -> None:
        self._share("twice", 0.3)

    def _share(self, what: str, most: float) -> None:
        network = self._cluster.network
        setattr(network, what, self._random.random() * most)
        self._world.say("network", f"{what} {getattr(network, what):.2f}")
        self._for_a_while(lambda: setattr(network, what, 0.0), 8 * self._cluster.ttl)

    # ------------------------------------------------------------ the server, and its operator

    def _kill_server(self) -> None:
        store = self._cluster.store
        store.up = False
        self._world.say("server", "is down")

        def start() -> None:
            if not store.up:
                store.up = True
                store.fail_over()  # who starts counts anew

        self._for_a_while(start, 3 * self._cluster.ttl)

    def _freeze_server(self) -> None:
        store = self._cluster.store
        store.frozen = True
        self._world.say("server", "is frozen")

        def thaw() -> None:
            store.frozen = False
            pending, store.pending = store.pending, []
            for arrive in pending:
                arrive()

        self._for_a_while(thaw, 3 * self._cluster.ttl)

    def _fail_over(self) -> None:
        self._cluster.store.fail_over()

    def _revoke(self) -> None:
        """End a lease or session: only the lock-delay, where there is one, covers that."""
        alive = self._cluster.store.alive()
        if alive:
            if not isinstance(self._cluster.store, SessionStore):
                self._cluster.watchdog.excuse(self._cluster.ttl)
            self._cluster.store.end(self._random.choice(alive))

    def _delete(self) -> None:
        self._world.say("operator", "deletes the key")
        self._cluster.watchdog.excuse(self._cluster.ttl)
        self._cluster.store.delete()
