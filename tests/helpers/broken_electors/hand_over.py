"""Faults in giving up, leaving and waiting."""

import time

from incumbent import Claim
from model_elector import ModelElector

from . import broken


@broken()
class RelinquishingLies(ModelElector):
    """Relinquishing says yes and keeps the claim in the store."""

    def relinquish_leadership(self):
        self.held()
        self.ask(lambda: None)
        self.claim = None
        return True


@broken()
class RelinquishingIsAlwaysYes(ModelElector):
    """Relinquishing says that the claim was there, without looking."""

    def relinquish_leadership(self):
        super().relinquish_leadership()
        return True


@broken()
class RelinquishesAnothersClaim(ModelElector):
    """Relinquishing ends the term of whoever leads."""

    def relinquish_leadership(self):
        was_mine = super().relinquish_leadership()
        self.ask(lambda: self.store.end_term(self.key))
        return was_mine


@broken()
class ClosingTakesTheLeaderAlong(ModelElector):
    """Closing an elector that has asked ends the term of whoever leads."""

    def close(self):
        if self.claim is None and self.owner in self.store.ballot(self.key).places:
            self.store.end_term(self.key)
        super().close()


@broken()
class ClosingAfterALossTakesTheSuccessorAlong(ModelElector):
    """Closing a leader ends the term of whoever leads by then."""

    def close(self):
        if self.claim is not None:
            self.store.end_term(self.key)
        super().close()


@broken()
class ClosingEndsTheSharedLease(ModelElector):
    """Closing one elector ends the claims of its whole backend."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        backend.made = [*getattr(backend, "made", ()), self]

    def close(self):
        for other in self.backend.made:
            self.store.drop(other.key, other.owner)
        super().close()


@broken()
class RelinquishIsNoInsteadOfInvalid(ModelElector):
    """Relinquishing without a claim is False."""

    def relinquish_leadership(self):
        return False if self.claim is None else super().relinquish_leadership()


@broken()
class HandsOverLate(ModelElector):
    """What is relinquished becomes free only after a while."""

    def relinquish_leadership(self):
        self.held()
        self.claim = None
        return self.ask(self.delay)

    def delay(self):
        leader = self.store.ballot(self.key).leader
        if leader is None or leader.owner is not self.owner:
            return False
        leader.owner = object()
        leader.expires = self.store.clock.now() + self.ttl / 4
        return True


@broken()
class NeverElectsWhoWaited(ModelElector):
    """Who was refused once is always refused."""

    def enter(self):
        return None if self.owner in self.store.ballot(self.key).places else super().enter()


@broken()
class IsUselessAfterATerm(ModelElector):
    """The elector serves for one term only."""

    over = False

    def relinquish_leadership(self):
        was_mine = super().relinquish_leadership()
        self.over = True
        return was_mine

    def acquire_leadership(self):
        return None if self.over else super().acquire_leadership()


@broken()
class ClosingKeepsTheClaim(ModelElector):
    """A leader that closes leaves its claim to expire."""

    def close(self):
        self.closed = self.closed or self.claim is not None
        super().close()


@broken()
class ClosingKeepsThePlace(ModelElector):
    """A candidate that leaves keeps its place, and those behind it wait for it."""

    gone = set()

    def enter(self):
        ballot = self.store.ballot(self.key)
        first = next(iter(ballot.places), self.owner)
        if ballot.leader is None and first is not self.owner and first in self.gone:
            return None
        return super().enter()

    def close(self):
        places = self.store.ballot(self.key).places
        if self.owner in places:
            self.gone.add(self.owner)
            self.closed = True
        super().close()


@broken()
class WaitsForItsTurn(ModelElector):
    """Acquiring waits for a while in the hope that the leader goes."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        if claim is None:
            time.sleep(self.backend.settings.request_timeout)
        return claim


@broken()
class LeaksPlaces(ModelElector):
    """Every failed attempt leaves one more place in the store."""

    def enter(self):
        places = self.store.ballot(self.key).places
        if places.pop(self.owner, None) is not None:
            places[object()] = self.candidate
        return super().enter()


@broken()
class Phantom(ModelElector):
    """Who waited is told that the leader has gone, and does not read its own claim."""

    predecessor = None

    def acquire_leadership(self):
        before = self.predecessor
        claim = super().acquire_leadership()
        if claim is None:
            leader = self.store.ballot(self.key).leader
            self.predecessor = leader and leader.owner
            if before is not None and before is not self.predecessor:
                self.claim = claim = Claim(self.store.token, self.ttl, self.clock())
        return claim
