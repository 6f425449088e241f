"""Faults in what is declared."""

from dataclasses import replace

from incumbent import BackendSettings, InvalidStateError, no, yes
from model_elector import ModelBackend, ModelElector

from . import broken

DECLARED = ModelBackend.capabilities


@broken()
class ConcealsPush(ModelBackend):
    """Pushes, but declares that it does not."""

    capabilities = replace(DECLARED, push=no("out of modesty"))


@broken()
class ConcealsObserving(ModelBackend):
    """Observes, but declares that it does not."""

    capabilities = replace(DECLARED, observe=no("out of modesty"))


@broken()
class ConcealsCandidates(ModelBackend):
    """Lists the candidates, but declares that it does not."""

    capabilities = replace(DECLARED, candidates=no("out of modesty"))


@broken()
class ConcealsFencing(ModelBackend):
    """Tokens grow over restarts, but it declares that they do not."""

    capabilities = replace(DECLARED, fencing_across_restarts=no("out of modesty"))


@broken()
class ConcealsExpiry(ModelBackend):
    """Claims expire, but it declares that they do not."""

    capabilities = replace(DECLARED, expiry=no("out of modesty"))


@broken()
class DeclaresPush(ModelElector):
    """Declares push, and never tells anything."""

    def changed(self):
        pass


@broken()
class DeclaresObserving(ModelElector):
    """Declares that it observes, and cannot."""

    def observe_leadership(self):
        raise InvalidStateError


@broken()
class DeclaresCandidates(ModelElector):
    """Declares that it lists the candidates, and lists the leader only."""

    def show(self):
        record = super().show()
        return replace(record, candidates=record.candidates[: record.candidate is not None])


@broken()
class DeclaresFencing(ModelElector):
    """Declares that tokens grow over restarts, and counts in memory."""

    restarts = {}

    def enter(self):
        before = self.restarts.setdefault(self.key, self.store.restarts)
        if before != self.store.restarts:
            self.restarts[self.key] = self.store.restarts
            self.store.token = 0
        return super().enter()


@broken()
class DeclaresExpiry(ModelElector):
    """Declares that claims expire, and keeps them for ever."""

    def renew(self):
        alive = super().renew()
        if alive:
            self.store.ballot(self.key).leader.expires = float("inf")
        return alive

    def enter(self):
        entry = super().enter()
        if entry is not None:
            entry.expires = float("inf")
        return entry


@broken()
class GivesNoReason(ModelBackend):
    """What is missing is missing without a reason."""

    capabilities = replace(DECLARED, interoperates=no(""))


@broken()
class GrantsAnyTtl(ModelBackend):
    """A ttl out of the declared range is accepted."""

    def __init__(self, address, settings):
        super().__init__(address, BackendSettings(10.0, settings.request_timeout, settings.clock))
