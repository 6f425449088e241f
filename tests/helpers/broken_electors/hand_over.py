"""Faults in giving up, leaving and waiting."""

import time
from typing import ClassVar

from model_elector import ModelElector

from incumbent import Claim

from . import broken


@broken(
    "test_push_is_as_declared",
    "test_token_grows_when_nobody_else_led",
    "test_relinquishing_frees_the_election_at_once",
    "test_follower_is_elected_after_relinquishing",
    "test_relinquishing_what_is_lost_says_so",
    "test_only_one_of_those_who_waited_is_elected",
    "test_who_left_does_not_stand_in_the_way",
    "test_leader_that_relinquished_is_not_shown",
    "test_watcher_is_no_candidate",
    "test_every_hand_over_is_told",
    "test_hand_over_after_a_restart_is_told",
    "test_forked_child_does_not_keep_the_claim",
)
class RelinquishingLies(ModelElector):
    """Relinquishing says yes and keeps the claim in the store."""

    def relinquish_leadership(self):
        self.held()
        self.ask(lambda: None)
        self.claim = None
        return True


@broken(
    "test_relinquishing_what_is_lost_says_so",
)
class RelinquishingIsAlwaysYes(ModelElector):
    """Relinquishing says that the claim was there, without looking."""

    def relinquish_leadership(self):
        super().relinquish_leadership()
        return True


@broken(
    "test_relinquishing_leaves_the_successor",
)
class RelinquishesAnothersClaim(ModelElector):
    """Relinquishing ends the term of whoever leads."""

    def relinquish_leadership(self):
        was_mine = super().relinquish_leadership()
        self.ask(lambda: self.store.end_term(self.key))
        return was_mine


@broken(
    "test_closing_a_follower_leaves_the_leader",
    "test_candidate_that_left_is_not_listed",
)
class ClosingTakesTheLeaderAlong(ModelElector):
    """Closing an elector that has asked ends the term of whoever leads."""

    def close(self):
        if self.claim is None and self.owner in self.store.ballot(self.key).places:
            self.store.end_term(self.key)
        super().close()


@broken(
    "test_closing_what_is_lost_leaves_the_successor",
)
class ClosingAfterALossTakesTheSuccessorAlong(ModelElector):
    """Closing a leader ends the term of whoever leads by then."""

    def close(self):
        if self.claim is not None:
            self.store.end_term(self.key)
        super().close()


@broken(
    "test_closing_one_elector_leaves_the_others",
)
class ClosingEndsTheSharedLease(ModelElector):
    """Closing one elector ends the claims of its whole backend."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        backend.made = [*getattr(backend, "made", ()), self]

    def close(self):
        for other in self.backend.made:
            self.store.drop(other.key, other.owner)
        super().close()


@broken(
    "test_relinquishing_without_a_claim_is_refused",
)
class RelinquishIsNoInsteadOfInvalid(ModelElector):
    """Relinquishing without a claim is False."""

    def relinquish_leadership(self):
        return False if self.claim is None else super().relinquish_leadership()


@broken(
    "test_push_is_as_declared",
    "test_relinquishing_frees_the_election_at_once",
    "test_follower_is_elected_after_relinquishing",
    "test_who_relinquished_can_be_elected_again",
    "test_only_one_of_those_who_waited_is_elected",
    "test_who_left_does_not_stand_in_the_way",
    "test_leader_that_relinquished_is_not_shown",
    "test_watcher_is_no_candidate",
    "test_every_hand_over_is_told",
    "test_hand_over_after_a_restart_is_told",
    "test_forked_child_does_not_keep_the_claim",
)
class HandsOverLate(ModelElector):
    """What is relinquished becomes free only after a while."""

    def relinquish_leadership(self):
        self.held()
        was_mine = self.ask(self.delay)
        self.claim = None
        return was_mine

    def delay(self):
        leader = self.store.ballot(self.key).leader
        if leader is None or leader.owner is not self.owner:
            return False
        leader.owner = object()
        leader.expires = self.store.clock.now() + self.ttl / 4
        return True


@broken(
    "test_expiry_is_as_declared",
    "test_other_tool_excludes_us",
    "test_follower_is_elected_after_relinquishing",
    "test_only_one_of_those_who_waited_is_elected",
    "test_who_left_does_not_stand_in_the_way",
    "test_every_hand_over_is_told",
    "test_election_goes_on_after_a_restart",
    "test_killed_leader_is_succeeded",
    "test_closing_leaves_no_thread",
    "test_closing_leaves_no_descriptor",
    "test_one_of_many_succeeds_an_expired_leader",
    "test_killed_follower_does_not_stand_in_the_way",
)
class NeverElectsWhoWaited(ModelElector):
    """Who was refused once is always refused."""

    def enter(self):
        return None if self.owner in self.store.ballot(self.key).places else super().enter()


@broken(
    "test_token_grows_when_nobody_else_led",
    "test_who_relinquished_can_be_elected_again",
    "test_every_hand_over_is_told",
    "test_acquiring_in_a_freeze_is_unknown",
    "test_election_goes_on_after_a_restart",
)
class IsUselessAfterATerm(ModelElector):
    """The elector serves for one term only."""

    over = False

    def relinquish_leadership(self):
        was_mine = super().relinquish_leadership()
        self.over = True
        return was_mine

    def acquire_leadership(self):
        return None if self.over else super().acquire_leadership()


@broken(
    "test_closing_the_leader_frees_the_election_at_once",
    "test_closing_leaves_nothing_in_the_store",
    "test_leader_that_closes_is_told",
)
class ClosingKeepsTheClaim(ModelElector):
    """A leader that closes leaves its claim to expire."""

    def close(self):
        self.closed = self.closed or self.claim is not None
        super().close()


@broken(
    "test_who_left_does_not_stand_in_the_way",
    "test_closing_leaves_nothing_in_the_store",
    "test_candidate_that_left_is_not_listed",
)
class ClosingKeepsThePlace(ModelElector):
    """A candidate that leaves keeps its place, and those behind it wait for it."""

    gone: ClassVar = set()

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


@broken("test_attempt_does_not_wait")
class WaitsForItsTurn(ModelElector):
    """Acquiring waits for a while in the hope that the leader goes."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        if claim is None:
            time.sleep(1.0)
        return claim


@broken("test_attempts_do_not_pile_up")
class LeaksPlaces(ModelElector):
    """Every failed attempt leaves one more place in the store."""

    def enter(self):
        places = self.store.ballot(self.key).places
        if places.pop(self.owner, None) is not None:
            places[object()] = self.candidate
        return super().enter()


@broken(
    "test_who_waited_is_no_phantom",
    "test_only_one_of_those_who_waited_is_elected",
    "test_one_of_many_succeeds_an_expired_leader",
)
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


@broken("test_killed_follower_does_not_stand_in_the_way", "test_hand_over_after_a_restart_is_told")
class KeepsThePlaceOfTheDead(ModelElector):
    """A place in the queue is an entry of its own, which does not end with its candidate."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.place = object()

    def enter(self):
        places = self.store.ballot(self.key).places
        is_behind = next(iter(places), self.place) is not self.place
        entry = None if is_behind and self.store.ballot(self.key).leader is None else super().enter()
        places.pop(self.owner, None)
        if entry is None:
            places.setdefault(self.place, self.candidate)
        else:
            places.pop(self.place, None)
        return entry

    def leave(self):
        self.store.ballot(self.key).places.pop(self.place, None)
        return super().leave()
