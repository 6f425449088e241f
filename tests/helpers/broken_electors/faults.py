"""Faults in the face of a store that does not answer, and secrets that get out."""

import logging
import threading
from contextlib import suppress
from dataclasses import replace

from model_elector import ModelBackend, ModelElector

from incumbent import BackendRejectedError, BackendUnavailableError, Claim

from . import broken


class Patient(ModelElector):
    """Has a request that ignores the timeout, named by a subclass."""

    hangs_in = ""

    def ask(self, act):
        if act != getattr(self, self.hangs_in) or not self.store.frozen:
            return super().ask(act)
        answer = self.store.request(act, None)
        self.store.watchers.add(self)
        return answer


@broken(
    "test_acquiring_in_a_freeze_is_unknown",
    "test_elector_can_be_made_during_an_outage",
    "test_claim_of_an_unanswered_attempt_is_recognised",
    "test_closing_drops_what_an_unanswered_attempt_left",
    "test_calls_at_once_in_a_freeze_end_in_time",
    "test_timeouts_do_not_add_up",
)
class HangsInAcquiring(Patient):
    """Acquiring has no timeout."""

    hangs_in = "enter"


@broken(
    "test_renewal_is_counted_from_before_the_request",
    "test_checking_in_a_freeze_is_unknown",
    "test_claim_outlives_a_short_freeze",
    "test_calls_at_once_in_a_freeze_end_in_time",
    "test_timeouts_do_not_add_up",
)
class HangsInChecking(Patient):
    """Checking has no timeout."""

    hangs_in = "renew"


@broken(
    "test_relinquishing_in_a_freeze_is_unknown",
    "test_unanswered_relinquishing_can_be_repeated",
    "test_timeouts_do_not_add_up",
)
class HangsInRelinquishing(Patient):
    """Relinquishing has no timeout."""

    hangs_in = "leave"


@broken("test_observing_in_a_freeze_is_unknown")
class HangsInObserving(Patient):
    """Observing has no timeout."""

    hangs_in = "show"


@broken(
    "test_closing_in_a_freeze_ends_in_time",
    "test_closing_during_a_call_ends_in_time",
)
class HangsInClosing(ModelElector):
    """Closing has no timeout."""

    def close(self):
        if self.store.frozen:
            self.store.request(self.leave, None)
        super().close()


class Leaky(ModelElector):
    """Lets one verb raise what the store's library raised."""

    def bare(self, verb):
        try:
            return verb()
        except BackendUnavailableError as error:
            raise error.__cause__ from None


@broken(
    "test_acquiring_in_a_freeze_is_unknown",
    "test_elector_can_be_made_during_an_outage",
    "test_claim_of_an_unanswered_attempt_is_recognised",
    "test_closing_drops_what_an_unanswered_attempt_left",
    "test_dead_store_is_unavailable",
)
class ForeignErrorInAcquiring(Leaky):
    """Acquiring raises what the library raised."""

    def acquire_leadership(self):
        return self.bare(super().acquire_leadership)


@broken(
    "test_renewal_is_counted_from_before_the_request",
    "test_checking_in_a_freeze_is_unknown",
    "test_claim_outlives_a_short_freeze",
    "test_dead_store_is_unavailable",
)
class ForeignErrorInChecking(Leaky):
    """Checking raises what the library raised."""

    def check_leadership(self):
        return self.bare(super().check_leadership)


@broken(
    "test_relinquishing_in_a_freeze_is_unknown",
    "test_unanswered_relinquishing_can_be_repeated",
    "test_dead_store_is_unavailable",
)
class ForeignErrorInRelinquishing(Leaky):
    """Relinquishing raises what the library raised."""

    def relinquish_leadership(self):
        return self.bare(super().relinquish_leadership)


@broken("test_observing_in_a_freeze_is_unknown", "test_dead_store_shows_nothing")
class ForeignErrorInObserving(Leaky):
    """Observing raises what the library raised."""

    def observe_leadership(self):
        return self.bare(super().observe_leadership)


@broken(
    "test_closing_in_a_freeze_ends_in_time",
    "test_closing_during_a_call_ends_in_time",
)
class ForeignErrorInClosing(ModelElector):
    """Closing raises what the library raised."""

    def close(self):
        if not self.closed:
            self.closed = True
            self.store.watchers.discard(self)
            self.store.request(self.leave, self.backend.settings.request_timeout)


@broken(
    "test_acquiring_in_a_freeze_is_unknown",
    "test_elector_can_be_made_during_an_outage",
    "test_claim_of_an_unanswered_attempt_is_recognised",
    "test_closing_drops_what_an_unanswered_attempt_left",
    "test_dead_store_is_unavailable",
)
class OutageIsARefusal(ModelElector):
    """An attempt without an answer is reported as refused."""

    def acquire_leadership(self):
        try:
            return super().acquire_leadership()
        except BackendUnavailableError:
            return None


@broken(
    "test_checking_in_a_freeze_is_unknown",
    "test_claim_outlives_a_short_freeze",
    "test_dead_store_is_unavailable",
)
class OutageIsALoss(ModelElector):
    """A check without an answer is reported as a loss."""

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            self.claim = None
            return None


@broken(
    "test_renewal_is_counted_from_before_the_request",
    "test_checking_in_a_freeze_is_unknown",
    "test_claim_outlives_a_short_freeze",
    "test_dead_store_is_unavailable",
)
class OutageIsARenewal(ModelElector):
    """A check without an answer is reported as a renewal."""

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            return replace(self.claim, sent=self.clock())


@broken(
    "test_relinquishing_in_a_freeze_is_unknown",
    "test_unanswered_relinquishing_can_be_repeated",
    "test_dead_store_is_unavailable",
)
class OutageIsRelinquishing(ModelElector):
    """Relinquishing without an answer is reported as done."""

    def relinquish_leadership(self):
        try:
            return super().relinquish_leadership()
        except BackendUnavailableError:
            self.claim = None
            return True


@broken("test_observing_in_a_freeze_is_unknown", "test_dead_store_shows_nothing")
class OutageShowsNobody(ModelElector):
    """Observing without an answer shows the last record."""

    last = None

    def observe_leadership(self):
        with suppress(BackendUnavailableError):
            self.last = super().observe_leadership()
        return self.last


@broken(
    "test_claim_outlives_a_short_freeze",
    "test_dead_store_is_unavailable",
)
class ForgetsTheClaimInAnOutage(ModelElector):
    """A claim whose check had no answer is not regarded as held any more."""

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            self.claim = None
            raise


@broken("test_unanswered_relinquishing_can_be_repeated")
class ForgetsTheClaimWhenRelinquishing(ModelElector):
    """A claim whose relinquishing had no answer is not regarded as held any more."""

    def relinquish_leadership(self):
        try:
            return super().relinquish_leadership()
        except BackendUnavailableError:
            self.claim = None
            raise


@broken("test_claim_of_an_unanswered_attempt_is_recognised", "test_recognised_claim_is_kept_as_long_as_it_says")
class DoesNotKnowItsOwnClaim(ModelElector):
    """The claim that an unanswered attempt left is taken for another's."""

    def is_mine(self, leader):
        return False


@broken("test_closing_drops_what_an_unanswered_attempt_left")
class ClosingForgetsTheUnanswered(ModelElector):
    """Closing gives up only what is known to be held."""

    def close(self):
        self.closed = self.closed or (self.claim is None and self.owner not in self.store.ballot(self.key).places)
        super().close()


@broken(
    "test_hand_over_after_a_restart_is_told",
    "test_one_leads_after_a_restart",
    "test_election_goes_on_after_a_restart",
    "test_leader_is_told_of_an_empty_restart",
)
class IsUselessAfterAnOutage(ModelElector):
    """Who has met a dead store finds no store any more."""

    restarts = None

    def ask(self, act):
        self.restarts = self.store.restarts if self.restarts is None else self.restarts
        if self.restarts != self.store.restarts:
            raise BackendUnavailableError("the connection is gone")
        return super().ask(act)


@broken("test_one_leads_after_a_restart")
class TakesARestartForAnElection(ModelElector):
    """Who was refused before a restart believes that it is elected after it."""

    restarts = None

    def acquire_leadership(self):
        before, self.restarts = self.restarts, self.store.restarts
        claim = super().acquire_leadership()
        if claim is None and before not in {None, self.restarts}:
            self.claim = claim = Claim(self.store.token, self.ttl, self.clock())
        return claim


@broken("test_elector_can_be_made_during_an_outage", "test_rejection_is_permanent")
class ConnectsAtOnce(ModelElector):
    """Making an elector asks the store."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.ask(lambda: None)


@broken("test_rejection_is_permanent")
class RejectionIsAnOutage(ModelElector):
    """What is refused for good is reported as unavailable, and asked for ever."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendRejectedError as error:
            raise BackendUnavailableError(str(error)) from error


@broken("test_rejection_is_permanent")
class RejectsInManyLines(ModelElector):
    """The message of a rejection has several lines."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendRejectedError as error:
            raise BackendRejectedError(f"{error}\nindeed") from error


@broken(
    "test_no_repr_shows_the_password",
)
class ReprShowsThePassword(ModelElector):
    """The repr of an elector shows the URL as it was given."""

    def __repr__(self):
        password = self.backend.address.password
        return f"<elector, password {password and password.reveal()}>"


@broken(
    "test_no_repr_shows_the_password",
)
class BackendReprShowsThePassword(ModelBackend):
    """The repr of a backend shows the URL as it was given."""

    def __repr__(self):
        return f"<backend, password {self.address.password and self.address.password.reveal()}>"


@broken("test_no_error_shows_the_password")
class ErrorShowsThePassword(ModelElector):
    """The message of an outage shows the URL as it was given."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendUnavailableError as error:
            password = self.backend.address.password
            raise BackendUnavailableError(f"{error} (password {password and password.reveal()})") from error


@broken(
    "test_no_error_shows_the_password",
    "test_no_answer_shows_the_password",
)
class LogShowsThePassword(ModelElector):
    """A log line shows the URL as it was given."""

    def ask(self, act):
        password = self.backend.address.password
        logging.getLogger("model").debug("asking with password %s", password and password.reveal())
        return super().ask(act)


@broken("test_timeouts_do_not_add_up")
class TriesAgainAndAgain(ModelElector):
    """The client library repeats what had no answer: each try is bounded, and the call is not."""

    def ask(self, act):
        for _ in range(19):
            try:
                return super().ask(act)
            except BackendUnavailableError:
                if not self.store.frozen:
                    raise
        return super().ask(act)


@broken("test_calls_at_once_in_a_freeze_end_in_time")
class OneCallAtATime(ModelBackend):
    """One lock is held around all calls of a backend: each that hangs holds up all others."""

    def __init__(self, address, settings):
        super().__init__(address, settings)
        self.turn = threading.Lock()

    def elector(self, lock_id, candidate):
        elector = super().elector(lock_id, candidate)
        ask = elector.ask

        def ask_in_turn(act):
            with self.turn:
                return ask(act)

        elector.ask = ask_in_turn
        return elector


@broken("test_what_arrives_after_closing_ends_by_itself")
class RenewsWhateverItsLeaseHolds(ModelElector):
    """All claims of a backend hang on one lease: one that arrives late is renewed with the others, for ever."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.owner = self

    def renew(self):
        for ballot in self.store.ballots.values():
            if ballot.leader is not None and getattr(ballot.leader.owner, "backend", None) is self.backend:
                ballot.leader.expires = self.store.clock.now() + self.ttl
        return super().renew()

    def close(self):
        if self.store.frozen:  # else it is told to go, and goes
            self.closed = True
        super().close()


@broken(
    "test_no_answer_shows_the_password",
)
class LogShowsThePasswordWhenConnected(ModelElector):
    """That a connection is made is logged with the URL as it was given."""

    def ask(self, act):
        answer = super().ask(act)
        password = self.backend.address.password
        logging.getLogger("model").debug("connected with password %s", password and password.reveal())
        return answer
