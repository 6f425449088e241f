"""Faults in tokens, deadlines and renewals."""

from collections import Counter
from dataclasses import replace
from typing import ClassVar

from model_elector import ModelElector

from incumbent import Claim

from . import broken


class CountsOtherwise(ModelElector):
    """Gives the claim another token than the store's."""

    def token(self):
        raise NotImplementedError

    def enter(self):
        led = self.is_leader()
        entry = super().enter()
        if entry is not None and not led:
            entry.token = self.token()
        return entry

    def is_leader(self):
        leader = self.store.ballot(self.key).leader
        return leader is not None and leader.owner is self.owner


@broken(
    "test_fencing_across_restarts_is_as_declared",
    "test_token_grows_after_a_hand_over",
    "test_token_grows_when_nobody_else_led",
    "test_token_grows_after_a_close",
    "test_token_grows_after_an_expiry",
    "test_token_grows_after_a_deletion",
    "test_killed_leader_is_succeeded",
)
class TokenIsConstant(CountsOtherwise):
    """Every term has the same token."""

    def token(self):
        return 7


@broken("test_token_grows_after_a_deletion")
class TokenRepeatsAfterDeletion(CountsOtherwise):
    """The counter is kept where an administrator's deletion reaches it."""

    def token(self):
        ballot = self.store.ballot(self.key)
        ballot.terms = getattr(ballot, "terms", 0) + 1
        return ballot.terms


@broken("test_token_grows_after_an_expiry", "test_token_grows_after_a_deletion", "test_killed_leader_is_succeeded")
class TokenShrinksAfterExpiry(CountsOtherwise):
    """A term that was not given up is not counted."""

    given_up: ClassVar = Counter()

    def token(self):
        return self.given_up[self.key] + 1

    def leave(self):
        if self.is_leader():
            self.given_up[self.key] += 1
        return super().leave()


@broken(
    "test_fencing_across_restarts_is_as_declared",
    "test_token_grows_after_a_hand_over",
    "test_token_grows_after_a_close",
    "test_token_grows_after_an_expiry",
    "test_token_grows_after_a_deletion",
    "test_killed_leader_is_succeeded",
)
class TokenCountsOwnTerms(CountsOtherwise):
    """Each elector counts for itself."""

    terms = 0

    def token(self):
        self.terms += 1
        return self.terms


@broken(
    "test_claim_is_in_the_store",
    "test_token_is_a_whole_number",
    "test_token_stays_during_a_term",
    "test_leader_is_shown",
    "test_leader_sees_itself",
    "test_successor_is_shown",
    "test_claim_outlives_a_short_freeze",
)
class TokenIsText(ModelElector):
    """The token is a number in writing."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and replace(claim, token=f"{claim.token:09}")


@broken("test_token_stays_during_a_term", "test_claim_outlives_a_short_freeze")
class TokenChangesAtRenewal(ModelElector):
    """Each renewal counts as a new term."""

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, token=claim.token + 1)


@broken("test_acquiring_as_the_leader_changes_nothing")
class AcquiringAgainIsANewTerm(ModelElector):
    """Acquiring while leading begins a new term."""

    def acquire_leadership(self):
        if self.claim is not None:
            self.relinquish_leadership()
        return super().acquire_leadership()


@broken("test_acquiring_as_the_leader_adds_no_claim")
class AcquiringAgainAddsAPlace(ModelElector):
    """Acquiring while leading enters the queue once more."""

    def acquire_leadership(self):
        if self.claim is not None:
            self.ask(lambda: self.store.ballot(self.key).places.setdefault(self.owner, self.candidate))
        return super().acquire_leadership()


@broken("test_claim_is_counted_from_before_the_request")
class SentAfterAcquiring(ModelElector):
    """The clock is read when the store has granted the claim."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and replace(claim, sent=self.clock())


@broken("test_renewal_is_counted_from_before_the_request")
class SentAfterRenewing(ModelElector):
    """The clock is read when the store has renewed the claim."""

    def check_leadership(self):
        held = self.held()
        if not self.ask(self.renew):
            self.claim = None
        else:
            self.claim = Claim(held.token, self.ttl, self.clock())
        return self.claim


@broken("test_renewal_says_from_when_and_how_long")
class SentStays(ModelElector):
    """A renewed claim is dated back to the beginning of the term."""

    def check_leadership(self):
        held = self.held()
        claim = super().check_leadership()
        return claim and replace(claim, sent=held.sent)


@broken(
    "test_claim_says_from_when_and_how_long",
    "test_claim_is_kept_as_long_as_it_says",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
    "test_recognised_claim_is_kept_as_long_as_it_says",
)
class SentOnAnotherClock(ModelElector):
    """The claim is dated on a clock of the elector's own."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and replace(claim, sent=claim.sent + 5000.0)


@broken(
    "test_claim_is_kept_as_long_as_it_says",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
    "test_recognised_claim_is_kept_as_long_as_it_says",
)
class GuaranteesTooMuch(ModelElector):
    """The claim is said to be kept for twice as long as it is."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and replace(claim, guarantee=2 * self.ttl)


@broken("test_renewed_claim_is_kept_as_long_as_it_says")
class RenewalGuaranteesTooMuch(ModelElector):
    """A renewed claim is said to be kept for twice as long as it is."""

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, guarantee=2 * self.ttl)


@broken(
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_leader_that_checks_stays_leader",
    "test_recognised_claim_is_kept_as_long_as_it_says",
)
class RenewsNothing(ModelElector):
    """A check says yes while the claim is there, and does not renew it."""

    def renew(self):
        leader = self.store.ballot(self.key).leader
        return leader is not None and leader.owner is self.owner


@broken(
    "test_leader_is_told_of_who_came_after_a_deletion",
    "test_leader_is_told_of_its_successor",
    "test_leader_is_told_of_a_deletion",
    "test_lost_claim_is_gone_for_good",
    "test_leader_is_told_of_an_empty_restart",
)
class IsNeverTold(ModelElector):
    """A check says yes whatever the store says."""

    def renew(self):
        super().renew()
        return True


@broken("test_leader_is_told_of_a_deletion", "test_leader_is_told_of_an_empty_restart")
class OverlooksDeletion(ModelElector):
    """A check says no only if it sees another leader."""

    def renew(self):
        leader = self.store.ballot(self.key).leader
        return super().renew() or leader is None


@broken("test_leader_is_told_of_who_came_after_a_deletion")
class SeesAClaimAndNotWhose(ModelElector):
    """A check looks whether the lease lives and the key is there, and not who has the key."""

    entered = None

    def enter(self):
        entry = super().enter()
        self.entered = self.store.ballot(self.key)
        return entry

    def renew(self):
        ballot = self.store.ballot(self.key)
        return super().renew() or (ballot is not self.entered and ballot.leader is not None)


@broken("test_lost_claim_is_gone_for_good")
class ForgetsThatItLost(ModelElector):
    """A claim that was reported as gone is still regarded as held."""

    def check_leadership(self):
        held = self.held()
        claim = super().check_leadership()
        if claim is None:
            self.claim = held
        return claim


@broken("test_who_lost_can_be_elected_again")
class IsUselessAfterALoss(ModelElector):
    """Who has lost once is never elected again."""

    lost = False

    def check_leadership(self):
        claim = super().check_leadership()
        self.lost = self.lost or claim is None
        return claim

    def acquire_leadership(self):
        return None if self.lost else super().acquire_leadership()


@broken("test_lost_claim_is_gone_for_good", "test_check_without_a_claim_is_refused")
class CheckIsNoInsteadOfInvalid(ModelElector):
    """Checking without a claim is None."""

    def check_leadership(self):
        return None if self.claim is None else super().check_leadership()


@broken("test_claim_acquired_again_is_kept_as_long_as_it_says")
class AcquiringAgainIsDatedAnew(ModelElector):
    """Acquiring while leading says that the claim was renewed now, and renews nothing."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        is_mine = self.claim is not None and leader is not None and leader.owner is self.owner
        return leader if is_mine else super().enter()


@broken("test_recognised_claim_is_kept_as_long_as_it_says")
class RecognisesWithoutRenewing(ModelElector):
    """The claim that an unanswered attempt left is said to begin now, and is not renewed."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        return leader if leader is not None and self.is_mine(leader) else super().enter()


@broken("test_claim_is_kept_over_a_restart")
class ClaimEndsWithTheConnection(ModelElector):
    """The claim is bound to a connection, which a restart of the store ends, and is said to be kept for the ttl."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        if leader is not None and getattr(leader, "connected", self.store.restarts) != self.store.restarts:
            self.store.end_term(self.key)
        entry = super().enter()
        if entry is not None:
            entry.connected = self.store.restarts
        return entry


@broken("test_since_is_when_the_leader_was_elected")
class RenewingMovesSince(ModelElector):
    """When the row was changed last is taken for when the leader was elected."""

    def renew(self):
        is_there = super().renew()
        if is_there:
            self.store.ballot(self.key).leader.renewed = self.clock()
        return is_there

    def show(self):
        leader = self.store.ballot(self.key).leader
        return replace(super().show(), since=leader and 1.7e9 + getattr(leader, "renewed", 0.0))


@broken("test_since_is_when_the_leader_was_elected")
class SinceIsInMilliseconds(ModelElector):
    """When the leader was elected is told in milliseconds."""

    def show(self):
        record = super().show()
        return record if record.candidate is None else replace(record, since=1.7e12)
