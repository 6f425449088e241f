"""Which fault comes next: to one election's candidates, or to the store that all elections share."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from incumbent import boottime
from incumbent.testing import FaultProxy

from .crew import Crew, Hand
from .stages import Stage

__all__ = ["Fault", "Nemesis"]

#: The longest that is waited for a leader before the next fault, in bounds.
PATIENCE = 2.0
#: By how many seconds a wall clock is set wrong: a second, an hour, a day, and until after 2038.
STEPS = (-1, 1, -3600, 3600, -86400, 86400, 15 * 365 * 86400)


@dataclass
class Fault:
    """One that happened."""

    what: str
    #: The election, or None for all.
    election: str | None
    began: float
    ended: float
    #: No deadline covers it: an operator took the claim away.
    excused: bool = False


class Nemesis:
    """A thread for each election, and one for the store. *count* faults in all."""

    def __init__(self, stage: Stage, crews: list[Crew], count: int, seed: int) -> None:
        self._stage = stage
        self._crews = crews
        self._count = count
        self._lock = threading.Lock()
        self._claimed = 0
        self.faults: list[Fault] = []
        #: What it could not do, or not undo.
        self.failures: list[str] = []
        self._random = random.Random(f"{seed} store")
        #: All that can happen; an operator's work apart, each is as probable as it is often among its kind.
        self.repertoire = {
            *(what for what, _ in self._acts(crews[0], crews[0].hands[0])),
            *stage.faults(),
            *stage.operations(),
        }
        self._threads = [threading.Thread(target=self._torment, args=(crew,), daemon=True) for crew in crews]
        if stage.faults():
            self._threads.append(threading.Thread(target=self._shake, daemon=True))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """Whether faults are still to come."""
        return any(thread.is_alive() for thread in self._threads)

    def _take(self) -> bool:
        """Take one of the faults that are left."""
        with self._lock:
            self._claimed += 1
            return self._claimed <= self._count

    def _commit(self, what: str, election: str | None, act: Callable[[], None], *, excused: bool = False) -> None:
        began = boottime()
        try:
            act()
        except Exception as error:
            self.failures.append(f"the torture itself: '{what}' could not be done, or not be undone: {error!r}")
        with self._lock:
            self.faults.append(Fault(what, election, began, boottime(), excused))

    # ------------------------------------------------------------ one election

    def _torment(self, crew: Crew) -> None:
        while self._take():
            what, act, excused = self._choose(crew)
            self._commit(what, crew.name, act, excused=excused)
            self._await_leader(crew)
            time.sleep(crew.random.random() ** 2 * self._stage.ttl)

    def _choose(self, crew: Crew) -> tuple[str, Callable[[], None], bool]:
        acts = self._acts(crew, crew.victim())
        operations = [(what, lambda act=act: act(crew.name)) for what, act in self._stage.operations().items()]
        if operations and crew.random.random() < 0.1:
            return (*crew.random.choice(operations), True)
        return (*crew.random.choice(acts), False)

    def _acts(self, crew: Crew, victim: Hand) -> list[tuple[str, Callable[[], None]]]:
        """Return what can be done to a candidate; twice, what is to be done twice as often."""
        rng, ttl = crew.random, self._stage.ttl
        acts: list[tuple[str, Callable[[], None]]] = [
            ("kill", lambda: crew.kill(victim)),
            ("kill", lambda: crew.kill(victim)),
            ("freeze", lambda: self._freeze(crew, victim, rng.choice([0.3, 0.9, 1.5, 3.0]) * ttl)),
            ("freeze", lambda: self._freeze(crew, victim, rng.choice([0.3, 0.9, 1.5, 3.0]) * ttl)),
            ("close", lambda: crew.leave(victim)),
            ("hand over", lambda: crew.hand_over(victim)),
            ("freeze all", lambda: self._freeze_all(crew, rng.random() * 2 * ttl)),
            ("hold the interpreter's lock", lambda: self._hold(crew, victim, rng.choice([3, 9, 15, 30]))),
            ("exhaust descriptors", lambda: self._exhaust(crew, victim, rng.random() * 2 * ttl)),
            ("step the wall clock", lambda: self._step_clock(crew, victim, rng.choice(STEPS), rng.random() * ttl)),
        ]
        proxies = victim.slot.proxies
        if proxies:
            acts += [
                ("partition", lambda: self._network(proxies, lambda proxy: proxy.freeze(), rng.random() * 3 * ttl)),
                ("cut", lambda: self._network(proxies, lambda proxy: proxy.cut(), rng.random() * 3 * ttl)),
                ("reset", lambda: self._network(proxies, lambda proxy: proxy.reset(), 0.0)),
                ("mute", lambda: self._network(proxies, lambda p: p.freeze("to server"), rng.random() * 3 * ttl)),
                ("deaf", lambda: self._network(proxies, lambda p: p.freeze("to client"), rng.random() * 3 * ttl)),
                (
                    "delay",
                    lambda: self._network(proxies, lambda p: p.delay(rng.random() * 0.3), rng.random() * 3 * ttl),
                ),
                ("trickle", lambda: self._network(proxies, self._trickle, rng.random() * 3 * ttl)),
                ("flap", lambda: self._flap(proxies, rng)),
                ("one endpoint", lambda: self._network(proxies[:1], lambda p: p.freeze(), rng.random() * 3 * ttl)),
            ]
        return acts

    def _freeze(self, crew: Crew, victim, seconds: float) -> None:
        crew.freeze(victim)
        time.sleep(seconds)
        crew.thaw(victim)

    def _freeze_all(self, crew: Crew, seconds: float) -> None:
        for hand in crew.hands:
            crew.freeze(hand)
        time.sleep(seconds)
        for hand in crew.hands:
            crew.thaw(hand)

    def _hold(self, crew: Crew, victim, tenths: int) -> None:
        crew.hold(victim, tenths)
        time.sleep(tenths / 10 * self._stage.ttl)

    def _exhaust(self, crew: Crew, victim, seconds: float) -> None:
        with crew.exhaust(victim):
            for proxy in victim.slot.proxies:
                proxy.reset()  # so that it needs descriptors
            time.sleep(seconds)

    def _step_clock(self, crew: Crew, victim, seconds: int, lasting: float) -> None:
        for wrong in (seconds, 0):
            crew.step_clock(victim, wrong)
            time.sleep(2.0 + lasting)  # it looks at the file once in two seconds at the latest

    def _flap(self, proxies, rng: random.Random) -> None:
        for _ in range(rng.randrange(2, 8)):
            self._network(proxies, lambda proxy: proxy.freeze(), rng.uniform(0.2, 1.0))
            time.sleep(rng.uniform(0.1, 0.5))

    @staticmethod
    def _trickle(proxy: FaultProxy) -> None:
        proxy.delay(0.02)
        proxy.trickle(64)

    def _network(self, proxies, spoil, seconds: float) -> None:
        for proxy in proxies:
            spoil(proxy)
        time.sleep(seconds)
        for proxy in proxies:
            proxy.heal()

    def _await_leader(self, crew: Crew) -> None:
        end = time.monotonic() + PATIENCE * self._stage.bound
        while crew.leader() is None and time.monotonic() < end:
            time.sleep(0.02)

    # ------------------------------------------------------------ the store

    def _shake(self) -> None:
        faults = dict(self._stage.faults())
        while self._take():
            what = self._random.choice(list(faults))
            self._commit(what, None, lambda what=what: faults[what](self._random))
            for crew in self._crews:
                self._await_leader(crew)
            time.sleep(self._random.uniform(0.5, 2) * self._stage.ttl)
