"""Operators, who ask for hand-overs and pauses and take candidates out: requests are terms of a second election."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from incumbent import Claim, LeaderElector, LeaderRecord
from incumbent.engine.steering import HAND_OVER, PAUSE, Request, control_name

if TYPE_CHECKING:
    from .cluster import Candidate, Cluster
    from .elector import ModelElector
    from .network import Network
    from .process import Process

__all__ = ["Control", "ControlElector", "Operators", "SimulatedBackend"]

#: A token of no term of any simulation: a request that was meant for another term.
STALE = 2**62


class Control:
    """The second election, on the same server: who asks for what, or nobody."""

    def __init__(self) -> None:
        self.token = 0
        self.request: str | None = None
        self.electors: list[ControlElector] = []

    def read(self) -> tuple[str | None, int | None]:
        """Return what is asked, and the token of that."""
        return (None, None) if self.request is None else (self.request, self.token)

    def put(self, request: Request | None) -> None:
        """Have that asked now, in place of what was asked before."""
        self.token += request is not None
        self.request = None if request is None else str(request)
        for elector in self.electors:
            elector.network.news(elector.process, elector.notify)


class ControlElector(LeaderElector):
    """What a candidate looks at requests with; nobody ever leads with one."""

    def __init__(
        self, process: Process, network: Network, control: Control, timeout: float, like: ModelElector
    ) -> None:
        super().__init__(control_name("job"), process.name, like.capabilities)
        self.process = process
        self.network = network
        self._control = control
        self._timeout = timeout
        control.electors.append(self)

    def acquire_leadership(self) -> Claim | None:
        raise NotImplementedError

    check_leadership = acquire_leadership

    def relinquish_leadership(self) -> bool:
        raise NotImplementedError

    def observe_leadership(self) -> LeaderRecord:
        return LeaderRecord(self.lock_id, *self.network.request(self.process, self._control.read, self._timeout))

    def close(self) -> None:
        if self in self._control.electors:
            self._control.electors.remove(self)


class SimulatedBackend:
    """Makes a candidate's electors, as often as it withdraws from the election and comes back."""

    def __init__(self, candidate: Candidate, cluster: Cluster) -> None:
        self._candidate = candidate
        self._cluster = cluster

    def elector(self, lock_id: str, name: str) -> LeaderElector:
        candidate, cluster = self._candidate, self._cluster
        if lock_id == "job":
            return candidate.enter() if name == candidate.process.name else candidate.look()
        timeout = candidate.election.config.request_timeout
        return ControlElector(candidate.process, cluster.network, cluster.control, timeout, candidate.elector)


class Operators:
    """Ask for something, for a while, again and again, until they are told to stop: whoever may, whatever that is."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        self._random = random.Random(f"operators of {seed}")
        self._pace = self._random.choice([0.3, 1.0, 3.0]) * cluster.ttl
        self._at_work = True
        self._out: Candidate | None = None
        self._next()

    def stop(self) -> None:
        """Withdraw everything."""
        self._at_work = False
        self._put(None)
        self._return()

    def _next(self) -> None:
        self._cluster.world.after(self._random.expovariate(1 / self._pace), self._ask)

    def _ask(self) -> None:
        if not self._at_work:
            return
        cluster, request = self._cluster, self._request()
        if request is None:
            if self._out is None:  # one at a time, so that somebody may lead
                self._out = self._random.choice(cluster.candidates)
                cluster.let_lead(self._out, may=False)
                self._for_a_while(self._return)
        elif cluster.control.request is None:  # only one is made at a time
            cluster.world.say("operator", f"asks for {request.words}, of term {request.term}")
            self._put(request)
            token = cluster.control.token
            self._for_a_while(lambda: self._withdraw(token))
        self._next()

    def _withdraw(self, token: int) -> None:
        """Or it has ended because who asked is dead: nobody sees the difference."""
        if self._cluster.control.token == token and self._cluster.control.request is not None:
            self._cluster.world.say("operator", "asks no more")
            self._put(None)

    def _put(self, request: Request | None) -> None:
        self._cluster.watchdog.is_paused = request is not None and request.do == PAUSE
        self._cluster.control.put(request)

    def _return(self) -> None:
        if self._out is not None:
            self._cluster.let_lead(self._out, may=True)
            self._out = None

    def _for_a_while(self, then) -> None:
        self._cluster.world.after(3 * self._cluster.ttl * self._random.random() ** 3, then)

    def _request(self) -> Request | None:
        """Draw one; None for the one that is made of a candidate alone."""
        draw, cluster = self._random.random(), self._cluster
        if draw < 0.15:
            return None
        if draw < 0.25:
            return Request(PAUSE)
        terms = [candidate.term for candidate in cluster.candidates if candidate.term is not None]
        token = terms[0].token if terms and draw < 0.95 else STALE
        to = self._random.choice([None, "nobody-of-that-name", *(str(candidate) for candidate in cluster.candidates)])
        return Request(HAND_OVER, token, to)
