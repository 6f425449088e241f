"""A stage for the engine's tests: a fake clock, executors that run when told to, and an elector that obeys."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from incumbent import Capabilities, Claim, LeaderElection, LeaderElectionConfig, LeaderElector, LeaderRecord, Runner
from incumbent.elector import no, yes
from incumbent.testing import FakeClock

CAPABILITIES = Capabilities(
    push=no("a puppet"),
    observe=yes(),
    candidates=no("a puppet"),
    fencing_across_restarts=no("a puppet"),
    expiry=yes(),
    interoperates=no("a puppet"),
)


class ManualExecutor:
    """Keeps jobs until the test runs them, on the test's thread."""

    def __init__(self) -> None:
        self.jobs: deque[Callable[[], None]] = deque()

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    def adjust(self) -> float | None:
        return None

    def close(self, timeout: float) -> None:
        pass

    def run_one(self) -> None:
        self.jobs.popleft()()


class Puppet(LeaderElector):
    """An elector whose answers the test sets; a value is returned, an exception raised."""

    def __init__(self, clock, *, lock_id="reports", candidate="a", guarantee=15.0, capabilities=CAPABILITIES):
        super().__init__(lock_id, candidate, capabilities)
        self.clock = clock
        self.guarantee = guarantee
        self.token = 0
        self.answers: dict[str, object] = {}
        self.calls: list[str] = []
        self.closed = 0

    def claim(self) -> Claim:
        return Claim(self.token, self.guarantee, self.clock.now())

    def _answer(self, verb: str, default: Callable[[], object]):
        self.calls.append(verb)
        answer = self.answers[verb] if verb in self.answers else default()
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _grant(self) -> Claim:
        self.token += 1
        return self.claim()

    def acquire_leadership(self):
        return self._answer("acquire", self._grant)

    def check_leadership(self):
        return self._answer("check", self.claim)

    def relinquish_leadership(self):
        return self._answer("relinquish", lambda: True)

    def observe_leadership(self):
        return self._answer("observe", lambda: LeaderRecord(self.lock_id, "b", 99))

    def close(self):
        self.closed += 1


class Stage:
    """One runner in virtual time, and the candidates that the test puts on it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.calls = ManualExecutor()
        self.callbacks = ManualExecutor()
        self.runner = Runner(self.clock, self.calls, self.callbacks, jitter=lambda: 0.5)
        # The stage calls `step` itself, so the runner needs no thread of its own.
        self.runner._start = lambda: None
        self.heard: list[tuple] = []

    def puppet(self, **options) -> Puppet:
        return Puppet(self.clock, **options)

    def config(self, **options) -> LeaderElectionConfig:
        heard = self.heard
        settings = {
            "lock_id": "reports",
            "ttl": 15.0,
            "relinquish_interval": None,
            "on_elected": lambda term: heard.append(("elected", term.token)),
            "on_deposed": lambda term, reason: heard.append(("deposed", term.token, reason.value)),
            **options,
        }
        return LeaderElectionConfig(**settings)

    def election(self, elector: LeaderElector, *, start: bool = True, **options) -> LeaderElection:
        election = LeaderElection(self.config(**options), elector, runner=self.runner)
        if start:
            election.start()
            self.settle()
        return election

    def settle(self, *, calls: bool = True, callbacks: bool = True) -> float:
        """Run everything that is due at this moment, and return the seconds until the next step."""
        while True:
            pause = self.runner.step()
            if calls and self.calls.jobs:
                self.calls.run_one()
            elif callbacks and self.callbacks.jobs:
                self.callbacks.run_one()
            elif self.runner._inbox.empty() and pause > 0.0:
                return pause

    def advance(self, seconds: float, *, calls: bool = True, callbacks: bool = True) -> None:
        """Let *seconds* pass, stopping at every moment at which something is due."""
        end = self.clock.now() + seconds
        while True:
            pause = self.settle(calls=calls, callbacks=callbacks)
            left = end - self.clock.now()
            if left <= 1e-9:
                return
            self.clock.advance(min(pause, left))

    def close(self, election: LeaderElection) -> None:
        """Close as a caller on another thread would, with this thread as the engine."""
        closer = threading.Thread(target=election.close)
        closer.start()
        while closer.is_alive():
            self.settle()
            closer.join(0.001)
        self.settle()
