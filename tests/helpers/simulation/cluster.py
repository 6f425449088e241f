"""One simulation: candidates, a server, a network and misfortunes, all from one seed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from random import Random
from typing import Any

from incumbent import LeaderElection, LeaderElectionConfig, LeaderElector, Term
from incumbent.config import lifetime
from incumbent.engine.events import RelinquishAsked, StopAsked
from incumbent.engine.listeners import Listeners
from incumbent.engine.phases import PUSH_FACTOR
from incumbent.state import Reason

from .beats import beat_server
from .elector import elector_for
from .executors import Executors, Will
from .nemesis import Nemesis
from .network import Network
from .operators import Control, Operators, SimulatedBackend
from .process import Process
from .stores import LeaseStore, SessionStore, Store
from .watchdog import BrokenPromiseError, Ear, Watchdog, listen
from .world import World

__all__ = ["EVENTS", "Candidate", "Cluster", "Outcome", "shrink", "simulate", "simulate_all"]

_log = logging.getLogger("incumbent")

#: Within the promised 1 % of each other.
PROMISED = 0.005
#: Far beyond it.
BEYOND = 0.3
#: How many events happen before all is put right, if nothing else is said: some ten terms and misfortunes.
EVENTS = 3000


class Candidate:
    """A process with one candidate in it."""

    def __init__(
        self, cluster: Cluster, name: str, rate: float, config: LeaderElectionConfig, preference: int | None
    ) -> None:
        self.process = Process(cluster.world, name, rate)
        self.will = Will()
        if cluster.executors is not None:
            self.process.ended = partial(cluster.executors.died, self.will)
        self.ear = Ear(cluster.watchdog, cluster.world, self.process)
        self.ear.slowness, self.ear.faults = cluster.slowness, cluster.faults
        self.ear.patience = config.handover_timeout
        self._cluster = cluster
        self._timeout = config.request_timeout
        #: The names that its electors have had on the server.
        self.owners: list[list[str]] = []
        self.elector = self.enter()
        #: The terms that the application may still hold, and those that have been seen to be over.
        self.terms: list[Term] = []
        self.over: set[Term] = set()
        self.election = LeaderElection(config, self.elector, runner=self.process.runner)
        self.election._listeners = self._listeners
        if cluster.steered:  # as if its elector had been opened by a URL
            self.election.config = replace(config, steering=True, preference=preference, min_term=config.ttl)
            self.election._backend = SimulatedBackend(self, cluster)
        self.election.start()

    def __str__(self) -> str:
        return self.process.name

    def enter(self) -> LeaderElector:
        """Make an elector: the first, or another after it has withdrawn from the queue."""
        cluster = self._cluster
        made = 100 * len(self.owners)  # names on the server are new each time: what an old one ends late is its own
        self.elector = elector_for(self.process, cluster.network, cluster.store, self._timeout, made)
        self.owners.append(self.elector.owners)
        listen(self.elector, self.ear)
        return self.elector

    def look(self) -> LeaderElector:
        """Make an elector that only looks."""
        return elector_for(self.process, self._cluster.network, self._cluster.store, self._timeout, 0)

    def _listeners(self) -> Listeners:
        ear, election = self.ear, self.election
        return Listeners(
            leader=lambda: ear.leads(election),
            follower=lambda: ear.follows(election),
            elected=ear.elected,
            deposed=ear.deposed,
            will=self.will,
        )

    @property
    def preference(self) -> int:
        """How much it is preferred."""
        return self.election.config.preference or 0

    @property
    def term(self) -> Term | None:
        """The term that the engine has now, whether it is valid or not."""
        candidacy = self.election._candidacy
        return None if candidacy is None else candidacy.term

    @property
    def newest(self) -> Term | None:
        """The last term that was seen."""
        return self.terms[-1] if self.terms else None

    @property
    def finished(self) -> bool:
        """Whether its election has ended."""
        candidacy = self.election._candidacy
        return candidacy is not None and candidacy.finished


@dataclass
class Outcome:
    """What came of one simulation."""

    seed: int
    events: int
    terms: int
    violation: str | None
    #: How many misfortunes there were.
    strikes: int = 0
    #: Moments with two leaders, where clocks ran at other rates than promised.
    overlaps: int = 0
    #: Seconds without a leader, at the longest, between two terms.
    leaderless: float = 0.0
    #: For how long candidates let preferred ones go first, at most, seconds.
    head_start: float = 0.0
    trace: list[str] = field(default_factory=list)


class Cluster:
    """All that there is in one simulation."""

    def __init__(
        self,
        seed: int,
        *,
        kind: str | None,
        beyond: bool,
        traced: bool,
        skipped: frozenset[int],
        steered: bool,
        executed: bool,
    ) -> None:
        self.world = world = World(seed, traced=traced)
        random = world.random
        self._spread = BEYOND if beyond else PROMISED
        self.ttl = random.choice([3.0, 5.0, 15.0, 30.0])
        kind = kind or self._kind(seed)
        rate = self._rate()
        self.store: Store
        if kind == "beat":
            self.store = beat_server(world, seed, self.ttl, rate)
        elif kind == "lease":
            self.store = LeaseStore(world, self.ttl, rate)
        else:
            self.store = SessionStore(world, self.ttl, rate, self.ttl)
        self.network = Network(world, self.store)
        self.watchdog = Watchdog(world, self.store, same_rates=not beyond)
        self.steered, self.control = steered, Control(world, self.ttl)
        self._preferences = Random(f"preferences of {seed}")  # of its own, likewise
        self._is_preferred = steered and self._preferences.random() < 0.5
        self.slowness = random.choice([0.0, 0.0, self.ttl, 4 * self.ttl])
        self.faults = random.choice([0.0, 0.0, 0.0, 0.02])
        self.executors = Executors(self, seed) if executed else None
        self._names = 0
        self._leaving = False
        self._patience = Random(seed).choice([inf, inf, self.ttl])  # of its own: known seeds stay the same stories
        self._interval = random.choice([None, None, random.uniform(0.1, 4.0) * self.ttl])
        self.candidates: list[Candidate] = []
        self._dead: list[Candidate] = []
        self._size = random.randint(3, 9)
        for _ in range(self._size):
            self._join()
        world.after_each = self._after_each
        self.nemesis = Nemesis(self, seed, skipped)
        self.operators = Operators(self, seed) if steered else None
        world.say("cluster", f"{self._size} candidates, {kind}, ttl {self.ttl:g}, relinquish {self._interval}")

    def _kind(self, seed: int) -> str:
        kind = self.world.random.choice(["lease", "session"])
        # Drawn from elsewhere, so that known seeds of the others stay the same stories.
        return "beat" if Random(f"kind of {seed}").random() < 1 / 3 else kind

    def _rate(self) -> float:
        return 1.0 + self.world.random.uniform(-self._spread, self._spread)

    # ------------------------------------------------------------ candidates

    def _join(self) -> None:
        self._names += 1
        name = f"c{self._names}"
        config = LeaderElectionConfig(
            "job",
            candidate=name,
            ttl=self.ttl,
            relinquish_interval=self._interval,
            cooldown=self.ttl / 5,
            handover_timeout=self._patience,
        )
        preference = self._preferences.choice([None, 0, 50, 100]) if self._is_preferred else None
        if preference is not None:
            self.world.say(name, f"has preference {preference}")
        candidate = Candidate(self, name, self._rate(), config, preference)
        self.candidates.append(candidate)
        self.watchdog.candidates = self.candidates

    def _replace(self, candidate: Candidate) -> None:
        self.candidates.remove(candidate)
        self._dead.append(candidate)
        self._join()

    def crash(self, candidate: Candidate) -> None:
        """End its process; another starts in its place."""
        candidate.process.crash()
        if candidate.elector._changed in self.store.watchers:
            self.store.watchers.remove(candidate.elector._changed)
        self.control.electors = [one for one in self.control.electors if one.process is not candidate.process]
        self._replace(candidate)

    def relinquish(self, candidate: Candidate) -> None:
        """Have it hand over, if it leads."""
        if candidate.term is not None and not candidate.process.paused:
            candidate.term._end(Reason.RELINQUISHED)
            candidate.process.runner.post(candidate.election._candidacy, RelinquishAsked())

    def let_lead(self, candidate: Candidate, *, may: bool) -> None:
        """Take it out of the election, or have it back: what an assignment to `LeaderElection.eligible` does."""
        process = candidate.process
        if process.alive and not process.paused and not candidate.finished and candidate.election.eligible is not may:
            self.world.say(candidate, "may lead" if may else "may not lead any more")
            process.runner.set_eligible(candidate.election._candidacy, eligible=may)

    def close(self, candidate: Candidate) -> None:
        """Have it leave: what `LeaderElection.close` does before it waits."""
        if not candidate.process.paused and not candidate.finished:
            self.world.say(candidate, "is closed")
            if candidate.term is not None:
                candidate.term._end(Reason.STOPPED)
            candidate.process.runner.post(candidate.election._candidacy, StopAsked())

    def _after_each(self) -> None:
        self.watchdog.look()
        for candidate in self.candidates:
            if candidate.finished and not self._leaving:
                candidate.process.alive = False
                self._replace(candidate)
                break

    # ------------------------------------------------------------ from the beginning to the end

    def run(self, events: int, *, settled: bool = False) -> None:
        """Let *events* happen, put everything right, and see that it ends well (P7, P8)."""
        world = self.world
        while world.events < events and world.step():
            pass
        self.nemesis.stop()
        for candidate in self.candidates:
            candidate.process.resume()
        if self.operators is not None:
            self.operators.stop()
        self._await_leader()
        if settled and self._is_preferred and self._interval is None:
            self._await_preferred()
        self._leaving = self.watchdog.is_paused = True
        for candidate in self.candidates:
            self.close(candidate)
        self._await_end()

    def _await_leader(self) -> None:
        """P7: whatever happened, somebody leads in the end."""
        slow_poll = PUSH_FACTOR * self.candidates[0].election.config.follower_check_interval
        slowest_callback = 4 * self.slowness
        limit = self.world.now + 2 * (
            self.store.patience * self.ttl + self.ttl + 2 * slow_poll + slowest_callback + lifetime(self.ttl) + 20.0
        )
        while self.world.now < limit:
            if any(candidate.term is not None for candidate in self.candidates):
                return
            self.world.step()
        raise BrokenPromiseError("P7: all is well again, and nobody leads")

    def _await_preferred(self) -> None:
        """One of those that are preferred most leads in the end, and goes on, but for one change that was under way."""
        slowest_callback, self.slowness, self.faults = 4 * self.slowness, 0.0, 0.0  # of who joins from now on
        for candidate in self.candidates:
            candidate.ear.slowness = candidate.ear.faults = 0.0
            self.let_lead(candidate, may=True)
        # What still comes of misfortunes: a callback that was under way may end its candidate, and another one joins.
        self.world.run_until(self.world.now + 3 * self.ttl + slowest_callback)
        limit = self.world.now + 4 * (8 * self.ttl + slowest_callback + 30.0)
        while not self._has_preferred_leader():
            if self.world.now > limit or not self.world.step():
                raise BrokenPromiseError("all is well again, and one that is preferred does not lead")
        terms, end = self.watchdog.terms, self.world.now + 10 * self.ttl
        while self.world.now < end:
            self.world.step()
        if self.watchdog.terms > terms + 1:
            raise BrokenPromiseError("one that is preferred leads, and another takes the office")

    def _has_preferred_leader(self) -> bool:
        most = max(candidate.preference for candidate in self.candidates)
        return any(candidate.term is not None and candidate.preference == most for candidate in self.candidates)

    def _await_end(self) -> None:
        """P8: everybody leaves, and nothing is left."""
        limit = self.world.now + 10 * self.ttl + 8 * self.slowness + 60.0
        while not all(candidate.finished for candidate in self.candidates):
            if self.world.now > limit or not self.world.step():
                late = [str(candidate) for candidate in self.candidates if not candidate.finished]
                raise BrokenPromiseError(f"P8: {', '.join(late)} cannot be closed")
        for candidate in self.candidates:
            if candidate.process.runner._candidates or candidate.process.runner._timers:
                raise BrokenPromiseError(f"P8: the engine of {candidate} is not empty")
        self.world.run_until(self.world.now + 3 * self.ttl + 25.0)
        if not self.store.empty():
            raise BrokenPromiseError("P8: all have left, and the server still keeps a claim")

    def end(self) -> None:
        """Free everything."""
        for candidate in (*self._dead, *self.candidates):
            candidate.process.bury()


def simulate(
    seed: int,
    *,
    events: int = EVENTS,
    kind: str | None = None,
    beyond: bool = False,
    traced: bool = False,
    skipped: frozenset[int] = frozenset(),
    steered: bool = False,
    settled: bool = False,
    executed: bool = False,
) -> Outcome:
    """
    Run one simulation.

    Args:
        seed: Decides everything.
        events: How many happen before all is put right.
        kind: "lease", "session" or "beat"; the seed chooses if left out.
        beyond: Let clocks run apart by far more than what is promised for.
        traced: Keep what happened, line by line.
        skipped: Misfortunes that are left out, counted from 1.
        steered: Have operators ask for hand-overs and pauses, and take candidates out.
        settled: See in the end that one of those that are preferred most leads, and goes on.
        executed: Have executors that give up what a crashed process led: soon, late, or never.
    """
    was_disabled, _log.disabled = _log.disabled, True  # thousands of elections have much to say
    cluster = Cluster(
        seed, kind=kind, beyond=beyond, traced=traced, skipped=skipped, steered=steered, executed=executed
    )
    violation = None
    try:
        cluster.run(events, settled=settled)
    except BrokenPromiseError as broken:
        violation = str(broken)
        cluster.world.say("WATCHDOG", violation)
    finally:
        cluster.end()
        _log.disabled = was_disabled
    world, watchdog = cluster.world, cluster.watchdog
    return Outcome(
        seed,
        world.events,
        watchdog.terms,
        violation,
        strikes=cluster.nemesis.strikes,
        overlaps=watchdog.overlaps,
        leaderless=watchdog.leaderless,
        head_start=max(candidate.election.config.head_start for candidate in cluster.candidates),
        trace=world.trace or [],
    )


def simulate_all(seeds: Iterable[int], options: dict[str, Any]) -> list[Outcome]:
    """Run one simulation for each of *seeds*: what a worker of a long search does."""
    return [simulate(seed, **options) for seed in seeds]


def shrink(outcome: Outcome, **options: Any) -> frozenset[int]:
    """Return which misfortunes can be left out without losing the violation of *outcome*, tried one after the other."""
    skipped: frozenset[int] = frozenset()
    for strike in range(outcome.strikes, 0, -1):
        tried = skipped | {strike}
        if simulate(outcome.seed, skipped=tried, **options).violation is not None:
            skipped = tried
    return skipped
