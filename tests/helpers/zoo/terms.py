"""Terms that begin, go on and end wrongly, and their tokens."""

from __future__ import annotations

import time

from incumbent import Claim, InvalidStateError

from . import mistaken
from .elector import ZooElector


@mistaken(
    "test_leader_that_checks_stays_leader",
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_each_renewal_is_kept_as_long_as_it_says",
)
class OnlyLooks(ZooElector):
    """A check looks whether the claim is there, says that it was renewed, and renews nothing."""

    def renew(self):
        leader = self.ask("show")["leader"]
        is_mine = leader is not None and leader["owner"] == self.owner
        return {"granted": is_mine, "token": self.token, "ttl": self.ttl()}


@mistaken("test_attempt_does_not_wait")
class WaitsItsTurn(ZooElector):
    """Who is refused waits for its turn for a second, and asks again."""

    def claim(self):
        answer = super().claim()
        if not answer["granted"]:
            time.sleep(1.0)
            answer = super().claim()
        return answer


@mistaken("test_attempt_does_not_wait")
class WaitsTheFirstTime(ZooElector):
    """The first refusal of an elector waits for its watch to tell of a change."""

    has_waited = False

    def claim(self):
        answer = super().claim()
        if not answer["granted"] and not self.has_waited:
            self.has_waited = True
            time.sleep(1.0)
        return answer


@mistaken("test_who_lost_can_be_elected_again")
class LosesForEver(ZooElector):
    """Who has lost its claim is never elected again."""

    has_lost = False

    def check_leadership(self):
        claim = super().check_leadership()
        self.has_lost = claim is None
        return claim

    def claim(self):
        return {"granted": False} if self.has_lost else super().claim()


@mistaken("test_check_without_a_claim_is_refused")
class ChecksNothing(ZooElector):
    """Checking without a claim is None."""

    def check_leadership(self):
        return None if self.token is None else super().check_leadership()


@mistaken(
    "test_acquiring_as_the_leader_changes_nothing",
)
class BeginsAnew(ZooElector):
    """Acquiring as the leader ends the term, and begins another."""

    def claim(self):
        if self.token is not None:
            self.release()
            self.lost()
        return super().claim()


@mistaken("test_acquiring_as_the_leader_adds_no_claim")
class StandsBehindItself(ZooElector):
    """Acquiring as the leader takes a place in the queue, too."""

    def claim(self):
        answer = super().claim()
        if self.token is not None:
            self.ask("claim", owner=f"{self.owner}+", candidate=self.candidate, ttl=1.0)
        return answer


@mistaken(
    "test_relinquishing_frees_the_election_at_once",
    "test_follower_is_elected_after_relinquishing",
)
class LetsItExpire(ZooElector):
    """Relinquishing leaves the claim to expire."""

    def relinquish_leadership(self):
        self.refuse_without_claim()
        self.lost()
        return True


@mistaken("test_who_relinquished_can_be_elected_again")
class HasOneTerm(ZooElector):
    """One elector serves for one term."""

    has_led = False

    def claim(self):
        return {"granted": False} if self.has_led else super().claim()

    def relinquish_leadership(self):
        self.has_led = True
        return super().relinquish_leadership()


@mistaken("test_relinquishing_without_a_claim_is_refused")
class RelinquishesNothing(ZooElector):
    """Relinquishing without a claim is False."""

    def relinquish_leadership(self):
        try:
            return super().relinquish_leadership()
        except InvalidStateError:
            return False


@mistaken("test_relinquishing_what_is_lost_says_so")
class SaysThatItWasThere(ZooElector):
    """Relinquishing is True, whatever the store says."""

    def release(self):
        return {**super().release(), "released": True}


@mistaken("test_relinquishing_leaves_the_successor")
class EndsWhoeverLeads(ZooElector):
    """Relinquishing ends the claim of whoever leads."""

    def release(self):
        answer = super().release()
        self.ask("end")
        return answer


@mistaken("test_closing_the_leader_frees_the_election_at_once")
class LeavesItsClaim(ZooElector):
    """A leader that closes leaves its claim to expire."""

    def release_at_the_end(self):
        if self.token is None:
            super().release_at_the_end()


@mistaken("test_closing_a_follower_leaves_the_leader", "test_closing_what_is_lost_leaves_the_successor")
class ClosesTheElection(ZooElector):
    """Closing ends the claim of whoever leads."""

    def release_at_the_end(self):
        super().release_at_the_end()
        self.backend.client.ask("end", election=self.key)


@mistaken("test_closing_one_elector_leaves_the_others")
class ClosesForAll(ZooElector):
    """Closing one elector ends what all of its backend have."""

    def release_at_the_end(self):
        super().release_at_the_end()
        for elector in list(self.backend.electors):
            self.backend.client.ask("release", election=elector.key, owner=elector.owner)


# ------------------------------------------------------------ tokens


class Counted(ZooElector):
    """Has tokens of its own making."""

    def made(self, token):
        raise NotImplementedError

    def granted(self, answer, sent):
        claim = super().granted(answer, sent)
        return claim and Claim(self.made(claim.token), claim.guarantee, claim.sent)


@mistaken("test_token_is_a_whole_number")
class TokenIsText(Counted):
    """The token is text."""

    def made(self, token):
        return f"{token:012}"


@mistaken("test_token_stays_during_a_term", "test_acquiring_as_the_leader_changes_nothing")
class TokenOfEachRenewal(Counted):
    """Each renewal has a token of its own."""

    count = 0

    def made(self, token):
        self.count += 1
        return 1000 * token + self.count


@mistaken(
    "test_token_grows_after_a_hand_over",
    "test_token_grows_after_a_close",
    "test_token_grows_after_an_expiry",
    "test_token_grows_after_a_deletion",
)
class CountsForItself(Counted):
    """Each candidate counts its own terms."""

    count = 0
    last = None

    def made(self, token):
        self.count += token != self.last
        self.last = token
        return self.count


@mistaken("test_token_grows_when_nobody_else_led")
class KeepsItsToken(Counted):
    """All terms of one candidate have the token of its first, unless another has led."""

    mine = None

    def made(self, token):
        if self.mine is None or token > self.mine[1] + 1:
            self.mine = token, token
        self.mine = self.mine[0], token
        return self.mine[0]
