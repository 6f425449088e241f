"""Watches the whole cluster at once: after every event, each promise is checked."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from incumbent import LeaderElection, Reason, Term
from incumbent.state import VOLUNTARY

from .elector import ModelElector
from .process import Process
from .stores import Store
from .world import World

if TYPE_CHECKING:
    from .cluster import Candidate

__all__ = ["BrokenPromiseError", "Watchdog"]


class BrokenPromiseError(Exception):
    """A promise was broken."""


class Watchdog:
    """Checks P1, P2, P4, P5 and P6 as things happen. P7 and P8 are checked at the end, by the cluster."""

    def __init__(self, world: World, store: Store, *, same_rates: bool) -> None:
        self._world = world
        self._store = store
        self._same_rates = same_rates
        self.candidates: list[Candidate] = []
        self.terms = 0
        self._newest = -1
        #: Until then a leader may not know yet that an operator has deleted its claim.
        self._excused_until = -1.0
        self.overlaps = 0
        #: The longest time without a leader since there was one, but for pauses that were asked for; and the end.
        self.leaderless = 0.0
        self.is_paused = False
        self._led: float | None = None
        #: What was seen where an exception would have been caught by the engine.
        self._reported: str | None = None

    def report(self, what: str) -> None:
        """Say that a promise was broken, from within a callback or an elector's method."""
        self._reported = self._reported or what

    def excuse(self, seconds: float) -> None:
        """An operator has taken the leader's claim: what no deadline can cover is excused for *seconds*."""
        self._excused_until = max(self._excused_until, self._world.now + seconds)

    def look(self) -> None:
        """Check what can be seen at this moment."""
        if self._reported is not None:
            raise BrokenPromiseError(self._reported)
        leaders = []
        for candidate in self.candidates:
            term = candidate.term
            if term is not None and term is not candidate.newest:
                self._began(candidate, term)
                candidate.terms.append(term)
            if candidate.terms and candidate.process.alive:
                valid = [self._is_valid(candidate, term) for term in candidate.terms]  # each is looked at
                if True in valid:
                    leaders.append(candidate)
        if leaders or self.is_paused:
            self._led = self._world.now if leaders else None
        elif self._led is not None:
            self.leaderless = max(self.leaderless, self._world.now - self._led)
        if not leaders:
            return
        if not self._same_rates:
            self.overlaps += len(leaders) > 1
            return
        if self._world.now < self._excused_until:
            return
        if len(leaders) > 1:
            raise BrokenPromiseError("P1: two leaders: " + " and ".join(map(str, leaders)))
        (leader,) = leaders
        # Long before it comes to two leaders: would it, if nothing but time passed from now on?
        ends = self._world.now + leader.newest.remaining() / leader.process.rate
        kept = max(self._store.protected_until(owner) for owners in leader.owners for owner in owners)
        if ends > kept:
            raise BrokenPromiseError(
                f"P2: {leader} counts on its claim until {ends:.3f}, which is kept until {kept:.3f}"
            )

    def _is_valid(self, candidate: Candidate, term: Term) -> bool:
        """Ask a term that the application may still hold, as long as it may say yes."""
        if term.is_valid():
            if term in candidate.over:
                raise BrokenPromiseError(f"P2: term {term.token} of {candidate} was over, and is valid again")
            return True
        candidate.over.add(term)
        del candidate.terms[:-2]  # who held older ones has been asked for long enough
        return False

    def _began(self, candidate: Candidate, term: Term) -> None:
        self.terms += 1
        self._world.say(candidate, f"leads with token {term.token}")
        # A claim that an operator ended may be announced after its successor's; its token is still the older one.
        if term.token == self._newest or (term.token < self._newest and self._world.now >= self._excused_until):
            raise BrokenPromiseError(f"P4: {candidate} leads with token {term.token} after {self._newest}")
        self._newest = max(self._newest, term.token)
        owner = self._store.grants.get(term.token)
        if not any(owner in owners for owners in candidate.owners):
            raise BrokenPromiseError(f"P5: {candidate} leads with token {term.token}, which was granted to {owner}")


class Ear:
    """Hears what one candidate's application is told, and checks its order (P6)."""

    def __init__(self, watchdog: Watchdog, world: World, process: Process) -> None:
        self._watchdog = watchdog
        self._world = world
        self._process = process
        self.leading: Term | None = None
        #: The last term that the application was told of, and whether it has been told that it follows since.
        self._told: Term | None = None
        self._follows = True
        self._busy = False
        #: When that term ended, and for how long the claim is kept from then on if the application does not follow.
        self._ended = inf
        self.patience = inf
        #: Seconds that a callback takes, at most; and the share of them that raise.
        self.slowness = 0.0
        self.faults = 0.0

    def elected(self, term: Term) -> None:
        if self.leading is not None:
            self._watchdog.report(f"P6: {self._process} is told of term {term.token} within term {self.leading.token}")
        if not term.is_valid():
            self._watchdog.report(f"P6: {self._process} is told that term {term.token} begins, which is over")
        self.leading = self._told = term
        self._follows, self._ended = False, inf
        term.call_at_end(self._term_ended)
        self._act("elected")

    def deposed(self, term: Term, reason: Reason) -> None:
        if self.leading is not term:
            self._watchdog.report(
                f"P6: {self._process} is told that term {term.token} is over, and was not told that it began"
            )
        self._world.say(self._process, f"deposed, token {term.token}: {reason.value}")
        self.leading = None
        self._act("deposed")

    def leads(self, _: LeaderElection) -> None:
        if self.leading is None:
            self._watchdog.report(f"P6: {self._process}'s leader callback runs while no term is announced")
        self._act("leads")

    def follows(self, _: LeaderElection) -> None:
        if self.leading is not None:
            self._watchdog.report(f"P6: {self._process}'s follower callback runs within term {self.leading.token}")
        try:
            self._act("follows")
        finally:
            self._follows = True

    def _term_ended(self) -> None:
        self._ended = self._process.now()

    def _act(self, what: str) -> None:
        if self._busy:
            self._watchdog.report(f"P6: {self._process} is told two things at once")
        self._busy = True
        random = self._world.random
        try:
            if self.slowness and random.random() < 0.3:
                self._process.sleep(random.random() ** 3 * self.slowness)
            if random.random() < self.faults:
                self._world.say(self._process, f"its callback raises ({what})")
                raise RuntimeError("a fault of the application")
        finally:
            self._busy = False

    def gives_up(self, token: int | None) -> None:
        """The elector is asked to relinquish: the application knows of its term's end, or has taken too long (P6)."""
        told = self._told
        if told is None or told.token != token:
            return
        waited = self._process.now() - self._ended
        if told.reason in VOLUNTARY and (self._busy or not self._follows) and waited < self.patience:
            self._watchdog.report(f"P6: {self._process} gives its claim up before the application has stopped")


def listen(elector: ModelElector, ear: Ear) -> None:
    """Have *ear* hear of every relinquishing, and check that an elector is asked one thing at a time (contract)."""
    for verb in ("acquire_leadership", "check_leadership", "relinquish_leadership", "observe_leadership"):
        setattr(elector, verb, _alone(elector, getattr(elector, verb), verb, ear))


def _alone(elector, method, verb, ear):
    def call():
        if elector.busy:
            ear._watchdog.report(f"P10: {verb} of {elector.candidate} is called while another call is out")
        elector.busy = True
        if verb == "relinquish_leadership":
            ear.gives_up(elector.token)
        try:
            return method()
        finally:
            elector.busy = False

    return call
