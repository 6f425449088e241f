"""Faults in excluding others."""

import time
from collections import Counter
from dataclasses import replace

from incumbent import Claim
from model_elector import ModelElector

from . import broken


@broken()
class TwoLeaders(ModelElector):
    """Whoever is refused believes that it was elected."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        if claim is None:
            self.claim = claim = Claim(self.store.token, self.ttl, self.clock())
        return claim


@broken()
class TakesOver(ModelElector):
    """Acquiring takes the claim from a leader that is alive."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        if leader is not None and leader.owner is not self.owner:
            self.store.drop(self.key, leader.owner)
        return super().enter()


@broken()
class DisturbsTheLeader(ModelElector):
    """The attempt of another ends the leader's claim."""

    def enter(self):
        entry = super().enter()
        if entry is None:
            self.store.end_term(self.key)
        return entry


@broken()
class ReadsThenWrites(ModelElector):
    """Acquiring is not atomic: it reads, and writes later."""

    candidates = Counter()

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.candidates[lock_id] += 1

    def enter(self):
        leader = self.store.ballot(self.key).leader
        return "free" if leader is None else super().enter()

    def ask(self, act):
        answer = super().ask(act)
        if answer == "free":
            time.sleep(0.1 if self.candidates[self.lock_id] >= 8 else 0.0)
            answer = super().ask(lambda: self.store.grant(self.key, self.owner, self.candidate, self.ttl))
        return answer


@broken()
class KnowsItselfByItsId(ModelElector):
    """A claim is taken for one's own if the candidate's id is the same."""

    def is_mine(self, leader):
        return leader.candidate == self.candidate


@broken()
class IgnoresCase(ModelElector):
    """Names that differ in case only are one election."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = lock_id.lower()


@broken()
class ShortensItsId(ModelElector):
    """The elector changes the id that it was given."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate[:7])


@broken()
class ReportsAnotherToken(ModelElector):
    """The token is not the one that the store shows to others."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and replace(claim, token=claim.token + 1)

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, token=claim.token + 1)

    def show(self):
        record = super().show()
        return replace(record, token=record.token and record.token + 1)


@broken()
class IgnoresOtherTools(ModelElector):
    """The layout in the store is not that of the other tools."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        if leader is not None and leader.owner == "tool":
            self.store.drop(self.key, "tool")
        return super().enter()


@broken()
class IsInvisibleToOtherTools(ModelElector):
    """Other tools do not see our claim."""

    def enter(self):
        entry = super().enter()
        if entry is not None:
            entry.visible = False
        return entry
