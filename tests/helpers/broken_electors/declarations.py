"""Faults in what is declared."""

from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from model_elector import ModelBackend, ModelElector

from incumbent import BackendSettings, Finding, InvalidStateError, no

from . import broken
from .claims import IsInvisibleToOtherTools

DECLARED = ModelBackend.capabilities


@broken("test_push_is_as_declared")
class ConcealsPush(ModelBackend):
    """Pushes, but declares that it does not."""

    capabilities = replace(DECLARED, push=no("out of modesty"))


@broken("test_observe_is_as_declared")
class ConcealsObserving(ModelBackend):
    """Observes, but declares that it does not."""

    capabilities = replace(DECLARED, observe=no("out of modesty"))


@broken("test_candidates_is_as_declared")
class ConcealsCandidates(ModelBackend):
    """Lists the candidates, but declares that it does not."""

    capabilities = replace(DECLARED, candidates=no("out of modesty"))


@broken("test_info_is_as_declared")
class ConcealsInfo(ModelBackend):
    """Shows what the leader tells of itself, but declares that it does not."""

    capabilities = replace(DECLARED, info=no("out of modesty"))


@broken("test_listing_is_as_declared")
class ConcealsElections(ModelBackend):
    """Lists elections, but declares that it does not."""

    capabilities = replace(DECLARED, listing=no("out of modesty"))


@broken("test_fencing_across_restarts_is_as_declared")
class ConcealsFencing(ModelBackend):
    """Tokens grow over restarts, but it declares that they do not."""

    capabilities = replace(DECLARED, fencing_across_restarts=no("out of modesty"))


@broken("test_expiry_is_as_declared")
class ConcealsExpiry(ModelBackend):
    """Claims expire, but it declares that they do not."""

    capabilities = replace(DECLARED, expiry=no("out of modesty"))


@broken("test_interoperates_is_as_declared")
class ConcealsInteroperating(ModelBackend):
    """Keeps other tools out, but declares that it does not."""

    capabilities = replace(DECLARED, interoperates=no("out of modesty"))


@broken(
    "test_push_is_as_declared",
    "test_every_hand_over_is_told",
    "test_leader_that_closes_is_told",
    "test_expiry_is_told_to_followers",
    "test_loss_is_told_to_the_leader",
    "test_election_is_told_to_watchers",
    "test_hand_over_after_a_restart_is_told",
)
class DeclaresPush(ModelElector):
    """Declares push, and never tells anything."""

    def changed(self):
        pass


@broken(
    "test_observe_is_as_declared",
    "test_candidates_is_as_declared",
    "test_nobody_leads_at_first",
    "test_leader_is_shown",
    "test_leader_sees_itself",
    "test_leader_that_relinquished_is_not_shown",
    "test_leader_that_expired_is_not_shown",
    "test_successor_is_shown",
    "test_watcher_is_no_candidate",
    "test_candidate_that_left_is_not_listed",
    "test_election_is_told_to_watchers",
    "test_observing_in_a_freeze_is_unknown",
    "test_dead_store_shows_nothing",
    "test_closing_leaves_no_thread",
    "test_closing_leaves_no_descriptor",
    "test_id_is_shown_as_it_was_given",
    "test_since_is_when_the_leader_was_elected",
)
class DeclaresObserving(ModelElector):
    """Declares that it observes, and cannot."""

    def observe_leadership(self):
        raise InvalidStateError


@broken(
    "test_candidates_is_as_declared",
)
class DeclaresCandidates(ModelElector):
    """Declares that it lists the candidates, and lists the leader only."""

    def show(self):
        record = super().show()
        return replace(record, candidates=record.candidates[: record.candidate is not None])


@broken("test_fencing_across_restarts_is_as_declared")
class DeclaresFencing(ModelElector):
    """Declares that tokens grow over restarts, and counts in memory."""

    restarts: ClassVar = {}

    def enter(self):
        before = self.restarts.setdefault(self.key, self.store.restarts)
        if before != self.store.restarts:
            self.restarts[self.key] = self.store.restarts
            self.store.token = 0
        return super().enter()


@broken("test_expiry_is_as_declared")
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


@broken("test_declarations_are_complete")
class GivesNoReason(ModelBackend):
    """What is missing is missing without a reason."""

    capabilities = replace(DECLARED, interoperates=no(""))
    elector_class = IsInvisibleToOtherTools


@broken("test_declarations_are_complete")
class GivesNoHelp(ModelBackend):
    """An option is not explained."""

    options = MappingProxyType({"colour": ""})


@broken("test_ttl_out_of_range_is_refused")
class GrantsAnyTtl(ModelBackend):
    """A ttl out of the declared range is accepted."""

    def __init__(self, address, settings):
        super().__init__(address, BackendSettings(10.0, settings.request_timeout, settings.clock))


@broken("test_diagnosis_is_told_in_lines")
class DiagnosesInText(ModelBackend):
    """What the server says of itself is passed on as it is, in place of findings."""

    def diagnose(self):
        yield "version 7\nuptime 8"


@broken("test_diagnosis_is_told_in_lines")
class DiagnosesWithoutARemedy(ModelBackend):
    """A warning does not say what to do."""

    def diagnose(self):
        yield Finding("warning", "it is old")
