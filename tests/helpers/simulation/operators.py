"""Operators, who ask for hand-overs and pauses and take candidates out: requests are terms of a second election.

Candidates that are preferred ask there, too.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

from incumbent import BackendUnavailableError, Claim, InvalidStateError, LeaderElector, LeaderRecord
from incumbent.engine.notice import notice_name
from incumbent.engine.steering import HAND_OVER, PAUSE, Request, control_name

if TYPE_CHECKING:
    from .cluster import Candidate, Cluster
    from .elector import ModelElector
    from .network import Network
    from .process import Process
    from .world import World

__all__ = ["Control", "ControlElector", "Operators", "SimulatedBackend"]

#: A token of no term of any simulation: a request that was meant for another term.
STALE = 2**62


class Control:
    """The second election, on the same server: who asks for what, or nobody."""

    def __init__(self, world: World, ttl: float) -> None:
        self._world = world
        self.ttl = ttl
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

    def claim(self, asks: str) -> int | None:
        """Have that asked now, if nothing is; for a ttl, as it is not renewed. Returns its token."""
        if self.request is not None:
            return None
        self._world.say("candidate", f"asks: {asks}")
        self.put(Request.parse(asks))
        token = self.token
        self._world.after(self.ttl, lambda: self.release(token))
        return token

    def release(self, token: int) -> None:
        """Have that asked no more."""
        if self.token == token and self.request is not None:
            self.put(None)


class ControlElector(LeaderElector):
    """What a candidate looks at requests with, or asks with itself."""

    def __init__(
        self, candidate: str, process: Process, network: Network, control: Control, timeout: float, like: ModelElector
    ) -> None:
        super().__init__(control_name("job"), candidate, like.capabilities)
        self.process = process
        self.network = network
        self._control = control
        self._timeout = timeout
        self._token: int | None = None
        control.electors.append(self)

    def acquire_leadership(self) -> Claim | None:
        sent = self.process.now()
        self._token = self.network.request(self.process, lambda: self._control.claim(self.candidate), self._timeout)
        return None if self._token is None else Claim(self._token, self._control.ttl, sent)

    def check_leadership(self) -> Claim | None:
        raise NotImplementedError

    def relinquish_leadership(self) -> bool:
        raise NotImplementedError

    def observe_leadership(self) -> LeaderRecord:
        return LeaderRecord(self.lock_id, *self.network.request(self.process, self._control.read, self._timeout))

    def close(self) -> None:
        if self in self._control.electors:
            self._control.electors.remove(self)
        token, self._token = self._token, None
        if token is not None:
            with suppress(BackendUnavailableError):
                self.network.request(self.process, lambda: self._control.release(token), self._timeout)


class NoticeElector(LeaderElector):
    """What a candidate tells others with, for which callback it waits: requests that change nothing."""

    def __init__(self, candidate: str, process: Process, network: Network, timeout: float) -> None:
        super().__init__(notice_name("job"), candidate)
        self._ask = lambda: network.request(process, lambda: None, timeout)

    def acquire_leadership(self) -> Claim | None:
        return self._ask()

    def check_leadership(self) -> Claim | None:
        raise InvalidStateError("nothing is held")

    def relinquish_leadership(self) -> bool:
        raise NotImplementedError

    def observe_leadership(self) -> LeaderRecord:
        self._ask()
        return LeaderRecord(self.lock_id, None, None)

    def close(self) -> None:
        with suppress(BackendUnavailableError):
            self._ask()


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
        if lock_id == notice_name("job"):
            return NoticeElector(name, candidate.process, cluster.network, timeout)
        return ControlElector(name, candidate.process, cluster.network, cluster.control, timeout, candidate.elector)

    def close(self) -> None:
        pass


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
