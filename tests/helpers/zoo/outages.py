"""What is believed in an outage, after it, and while others lead."""

from __future__ import annotations

from contextlib import suppress

from incumbent import BackendRejectedError, BackendUnavailableError, LeaderRecord

from . import mistaken
from .elector import ZooBackend, ZooElector


@mistaken(
    "test_acquiring_in_a_freeze_is_unknown",
    "test_elector_can_be_made_during_an_outage",
    "test_claim_of_an_unanswered_attempt_is_recognised",
    "test_closing_drops_what_an_unanswered_attempt_left",
    "test_checking_in_a_freeze_is_unknown",
    "test_claim_outlives_a_short_freeze",
    "test_relinquishing_in_a_freeze_is_unknown",
    "test_unanswered_relinquishing_can_be_repeated",
    "test_observing_in_a_freeze_is_unknown",
    "test_dead_store_is_unavailable",
    "test_dead_store_shows_nothing",
)
class TakesAnOutageForAnAnswer(ZooElector):
    """Without an answer an attempt was refused, a claim is lost, or given up, and nobody leads."""

    def acquire_leadership(self):
        with suppress(BackendUnavailableError):
            return super().acquire_leadership()

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            return self.lost()

    def relinquish_leadership(self):
        try:
            return super().relinquish_leadership()
        except BackendUnavailableError:
            self.lost()
            return True

    def observe_leadership(self):
        with suppress(BackendUnavailableError):
            return super().observe_leadership()
        return LeaderRecord(self.lock_id, None, None)


@mistaken("test_closing_in_a_freeze_ends_in_time", "test_closing_during_a_call_ends_in_time")
class ClosesWithATimeout(ZooElector):
    """Closing raises that it has timed out."""

    def close(self):
        if not self.is_closed and self.backend.is_ours():
            self.is_closed = True
            self.backend.forget(self)
            if self.backend.has_asked:
                self.release_at_the_end()


@mistaken("test_elector_can_be_made_during_an_outage", "test_rejection_is_permanent", ttl=4.0, request_timeout=2.0)
class AsksAtOnce(ZooElector):
    """Making an elector asks the store."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.ask("show")


@mistaken("test_claim_outlives_a_short_freeze", "test_dead_store_is_unavailable")
class ForgetsInAnOutage(ZooElector):
    """A claim whose check had no answer is forgotten."""

    def renew(self):
        try:
            return super().renew()
        except BackendUnavailableError:
            self.lost()
            raise


@mistaken("test_unanswered_relinquishing_can_be_repeated", "test_relinquishing_that_was_lost_is_repeated")
class ForgetsWhenRelinquishing(ZooElector):
    """A claim whose relinquishing had no answer is forgotten."""

    def release(self):
        try:
            return super().release()
        except BackendUnavailableError:
            self.lost()
            raise


@mistaken(
    "test_claim_of_an_unanswered_attempt_is_recognised",
    "test_recognised_claim_is_kept_as_long_as_it_says",
    "test_closing_drops_what_an_unanswered_attempt_left",
)
class DoesNotKnowItsAttempt(ZooElector):
    """Each attempt has an owner of its own, and knows no earlier one."""

    def claim(self):
        if self.token is None:
            self.owner = self.new_owner()
        try:
            return super().claim()
        except BackendUnavailableError:
            self.owner = self.new_owner()
            raise


@mistaken("test_closing_drops_what_an_unanswered_attempt_left")
class ClosesWhatItKnows(ZooElector):
    """Closing gives up only a claim that is known to be held."""

    def release_at_the_end(self):
        if self.token is not None:
            super().release_at_the_end()


class RenewsAll(ZooElector):
    def claim(self):
        self.backend.owners.add((self.key, self.owner))
        return super().claim()

    def renew(self):
        for election, owner in self.backend.owners:
            self.backend.ask("renew", election=election, owner=owner, ttl=self.ttl())
        return super().renew()

    def release(self):
        self.backend.owners.discard((self.key, self.owner))
        return super().release()

    def release_at_the_end(self):
        super().release_at_the_end()
        self.backend.owners.discard((self.key, self.owner))


@mistaken("test_what_arrives_after_closing_ends_by_itself")
class RenewsWhatItEverAskedFor(ZooBackend):
    """A backend renews what its electors have asked for, until it knows that they have given it up."""

    elector_class = RenewsAll

    def __init__(self, address, settings):
        super().__init__(address, settings)
        self.owners = set()

    def elector(self, lock_id, candidate):
        elector = super().elector(lock_id, candidate)
        # What was sent before the end of its owner arrives after it, on this store: let it claim something.
        release = elector.release_at_the_end

        def release_at_the_end():
            if self.client.idle:
                release()

        elector.release_at_the_end = release_at_the_end
        return elector


@mistaken("test_rejection_is_permanent")
class TakesARefusalForAnOutage(ZooBackend):
    """What is refused for good is reported as unavailable."""

    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except BackendRejectedError as error:
            raise BackendUnavailableError(str(error)) from error


@mistaken("test_one_leads_after_a_restart", ttl=10.0, request_timeout=1.0)
class TakesARestartForAnElection(ZooElector):
    """Who was refused, and finds the store again after an outage, believes that it is its turn."""

    was_away = False

    def claim(self):
        try:
            answer = super().claim()
        except BackendUnavailableError as error:
            self.was_away = "timed out" not in str(error)
            raise
        return {"granted": True, "token": 10**9, "ttl": self.ttl()} if self.was_away else answer


@mistaken(
    "test_election_goes_on_after_a_restart",
    "test_one_leads_after_a_restart",
    "test_leader_is_told_of_an_empty_restart",
)
class NeverConnectsAgain(ZooBackend):
    """A connection that has broken once is not made anew."""

    is_broken = False

    def ask(self, do, **fields):
        if self.is_broken:
            raise BackendUnavailableError("the connection is broken")
        try:
            return super().ask(do, **fields)
        except BackendUnavailableError as error:
            self.is_broken = "timed out" not in str(error)
            raise


# ------------------------------------------------------------ waiting


@mistaken("test_who_waited_is_no_phantom", "test_only_one_of_those_who_waited_is_elected")
class BelievesThatItIsNext(ZooElector):
    """Who was refused, and sees that the leader has gone, believes that it is its turn."""

    before = None

    def claim(self):
        answer = super().claim()
        if answer["granted"]:
            self.before = None
            return answer
        leader = self.ask("show")["leader"]
        before, self.before = self.before, leader and leader["token"]
        has_gone = before is not None and before != self.before
        return {"granted": True, "token": 10**9, "ttl": self.ttl()} if has_gone else answer


@mistaken("test_attempts_do_not_pile_up")
class QueuesEachTime(ZooElector):
    """Each attempt takes one more place in the queue."""

    def claim(self):
        answer = super().claim()
        if not answer["granted"]:
            self.owner = self.new_owner()
        return answer


class Queue(ZooElector):
    """Lets those go first who have waited for longer."""

    def claim(self):
        answer = self.ask("show")
        waiting = answer["waiting"]
        if answer["leader"] is None and waiting and waiting[0] != self.candidate:
            return {"granted": False}
        return super().claim()


@mistaken(
    "test_who_left_does_not_stand_in_the_way",
    "test_closing_leaves_nothing_in_the_store",
)
class LeavesItsPlace(Queue):
    """Who waited and leaves keeps its place before the others."""

    def release_at_the_end(self):
        if self.token is not None:
            super().release_at_the_end()
