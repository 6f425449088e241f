"""Faults in the face of a store that does not answer, and secrets that get out."""

import logging
from contextlib import suppress
from dataclasses import replace

from incumbent import BackendRejectedError, BackendUnavailableError, Claim
from model_elector import ModelBackend, ModelElector
from model_store import StoreError

from . import broken

#: A call that hangs costs this many seconds, in each test that meets one.
IMPATIENT = {"slack": 1.0}


class Patient(ModelElector):
    """Has calls that ignore the timeout."""

    def ask_for_ever(self, act):
        answer = self.store.request(act, None)
        self.store.watchers.add(self)
        return answer


@broken(**IMPATIENT)
class HangsInAcquiring(Patient):
    """Acquiring has no timeout."""

    def ask(self, act):
        return self.ask_for_ever(act) if act == self.enter and self.store.frozen else super().ask(act)


@broken(**IMPATIENT)
class HangsInChecking(Patient):
    """Checking has no timeout."""

    def ask(self, act):
        return self.ask_for_ever(act) if act == self.renew and self.store.frozen else super().ask(act)


@broken(**IMPATIENT)
class HangsInRelinquishing(Patient):
    """Relinquishing has no timeout."""

    def ask(self, act):
        return self.ask_for_ever(act) if act == self.leave and self.store.frozen else super().ask(act)


@broken(**IMPATIENT)
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


@broken()
class ForeignErrorInAcquiring(Leaky):
    """Acquiring raises what the library raised."""

    def acquire_leadership(self):
        return self.bare(super().acquire_leadership)


@broken()
class ForeignErrorInChecking(Leaky):
    """Checking raises what the library raised."""

    def check_leadership(self):
        return self.bare(super().check_leadership)


@broken()
class ForeignErrorInRelinquishing(Leaky):
    """Relinquishing raises what the library raised."""

    def relinquish_leadership(self):
        return self.bare(super().relinquish_leadership)


@broken()
class ForeignErrorInObserving(Leaky):
    """Observing raises what the library raised."""

    def observe_leadership(self):
        return self.bare(super().observe_leadership)


@broken()
class ForeignErrorInClosing(ModelElector):
    """Closing raises what the library raised."""

    def close(self):
        if not self.closed:
            self.closed = True
            self.store.watchers.discard(self)
            self.store.request(self.leave, self.backend.settings.request_timeout)


@broken()
class OutageIsARefusal(ModelElector):
    """An attempt without an answer is reported as refused."""

    def acquire_leadership(self):
        try:
            return super().acquire_leadership()
        except BackendUnavailableError:
            return None


@broken()
class OutageIsALoss(ModelElector):
    """A check without an answer is reported as a loss."""

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            self.claim = None
            return None


@broken()
class OutageIsARenewal(ModelElector):
    """A check without an answer is reported as a renewal."""

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            return replace(self.claim, sent=self.clock())


@broken()
class OutageIsRelinquishing(ModelElector):
    """Relinquishing without an answer is reported as done."""

    def relinquish_leadership(self):
        try:
            return super().relinquish_leadership()
        except BackendUnavailableError:
            self.claim = None
            return True


@broken()
class OutageShowsNobody(ModelElector):
    """Observing without an answer shows the last record."""

    last = None

    def observe_leadership(self):
        with suppress(BackendUnavailableError):
            self.last = super().observe_leadership()
        return self.last


@broken()
class ForgetsTheClaimInAnOutage(ModelElector):
    """A claim whose check had no answer is not regarded as held any more."""

    def check_leadership(self):
        try:
            return super().check_leadership()
        except BackendUnavailableError:
            self.claim = None
            raise


@broken()
class ForgetsTheClaimWhenRelinquishing(ModelElector):
    """A claim whose relinquishing had no answer is not regarded as held any more."""

    def relinquish_leadership(self):
        try:
            return super().relinquish_leadership()
        except BackendUnavailableError:
            self.claim = None
            raise


@broken()
class DoesNotKnowItsOwnClaim(ModelElector):
    """The claim that an unanswered attempt left is taken for another's."""

    def is_mine(self, leader):
        return False


@broken()
class ClosingForgetsTheUnanswered(ModelElector):
    """Closing gives up only what is known to be held."""

    def close(self):
        self.closed = self.closed or (self.claim is None and self.owner not in self.store.ballot(self.key).places)
        super().close()


@broken()
class IsUselessAfterAnOutage(ModelElector):
    """Who has met a dead store finds no store any more."""

    restarts = None

    def ask(self, act):
        self.restarts = self.store.restarts if self.restarts is None else self.restarts
        if self.restarts != self.store.restarts:
            raise BackendUnavailableError("the connection is gone")
        return super().ask(act)


@broken()
class TakesARestartForAnElection(ModelElector):
    """Who was refused before a restart believes that it is elected after it."""

    restarts = None

    def acquire_leadership(self):
        before, self.restarts = self.restarts, self.store.restarts
        claim = super().acquire_leadership()
        if claim is None and before not in {None, self.restarts}:
            self.claim = claim = Claim(self.store.token, self.ttl, self.clock())
        return claim


@broken()
class ConnectsAtOnce(ModelElector):
    """Making an elector asks the store."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.ask(lambda: None)


@broken()
class RejectionIsAnOutage(ModelElector):
    """What is refused for good is reported as unavailable, and asked for ever."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendRejectedError as error:
            raise BackendUnavailableError(str(error)) from error


@broken()
class RejectsInManyLines(ModelElector):
    """The message of a rejection has several lines."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendRejectedError as error:
            raise BackendRejectedError(f"{error}\nindeed") from error


@broken()
class ReprShowsThePassword(ModelElector):
    """The repr of an elector shows the URL as it was given."""

    def __repr__(self):
        password = self.backend.address.password
        return f"<elector, password {password and password.reveal()}>"


@broken()
class BackendReprShowsThePassword(ModelBackend):
    """The repr of a backend shows the URL as it was given."""

    def __repr__(self):
        return f"<backend, password {self.address.password and self.address.password.reveal()}>"


@broken()
class ErrorShowsThePassword(ModelElector):
    """The message of an outage shows the URL as it was given."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendUnavailableError as error:
            password = self.backend.address.password
            raise BackendUnavailableError(f"{error} (password {password and password.reveal()})") from error


@broken()
class LogShowsThePassword(ModelElector):
    """A log line shows the URL as it was given."""

    def ask(self, act):
        password = self.backend.address.password
        logging.getLogger("model").debug("asking with password %s", password and password.reveal())
        return super().ask(act)
