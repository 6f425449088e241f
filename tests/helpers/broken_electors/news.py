"""Faults in observing and in pushing."""

from dataclasses import replace
from typing import ClassVar

from model_elector import ModelElector

from incumbent import LeaderRecord

from . import broken


@broken(
    "test_leader_that_relinquished_is_not_shown",
    "test_leader_that_expired_is_not_shown",
)
class ShowsADeadLeader(ModelElector):
    """The last leader is shown until there is another."""

    last = None

    def show(self):
        record = super().show()
        if record.candidate is not None:
            self.last = record
        return self.last or record


@broken(
    "test_leader_that_relinquished_is_not_shown",
    "test_leader_that_expired_is_not_shown",
    "test_successor_is_shown",
)
class ShowsTheFirstLeader(ModelElector):
    """The first leader is shown for ever."""

    first = None

    def show(self):
        record = super().show()
        if record.candidate is not None:
            self.first = self.first or record
        return self.first or record


@broken(
    "test_nobody_leads_at_first", "test_leader_that_relinquished_is_not_shown", "test_leader_that_expired_is_not_shown"
)
class ShowsAnEmptyIdForNobody(ModelElector):
    """That nobody leads is shown as a candidate without a name."""

    def show(self):
        record = super().show()
        return replace(record, candidate=record.candidate or "")


@broken("test_leader_is_shown", "test_leader_sees_itself", "test_successor_is_shown")
class ShowsNoToken(ModelElector):
    """The leader is shown without its token."""

    def show(self):
        return replace(super().show(), token=None)


@broken(
    "test_observe_is_as_declared",
    "test_candidates_is_as_declared",
    "test_leader_is_shown",
    "test_successor_is_shown",
    "test_candidate_that_left_is_not_listed",
    "test_id_is_shown_as_it_was_given",
)
class ShowsOnlyItself(ModelElector):
    """Observing knows what the elector itself holds, and nothing of others."""

    def show(self):
        return super().show() if self.claim is not None else LeaderRecord(self.lock_id, None, None)


@broken("test_leader_sees_itself")
class ShowsOnlyOthers(ModelElector):
    """The leader does not see itself."""

    def show(self):
        return super().show() if self.claim is None else LeaderRecord(self.lock_id, None, None)


@broken(
    "test_candidates_is_as_declared",
    "test_watcher_is_no_candidate",
    "test_candidate_that_left_is_not_listed",
)
class ObservingEntersTheElection(ModelElector):
    """Who observes becomes a candidate."""

    def show(self):
        ballot = self.store.ballot(self.key)
        if self.claim is None:
            ballot.places[self.owner] = self.candidate
        return super().show()


@broken("test_candidate_that_left_is_not_listed")
class ListsWhoHasLeft(ModelElector):
    """Who was refused once is listed for ever."""

    seen: ClassVar = {}

    def show(self):
        record = super().show()
        seen = self.seen.setdefault(self.key, set())
        return replace(record, candidates=(*record.candidates, *sorted(seen.difference(record.candidates))))

    def enter(self):
        entry = super().enter()
        if entry is None:
            self.seen.setdefault(self.key, set()).add(self.candidate)
        return entry


@broken("test_every_hand_over_is_told")
class TellsOnce(ModelElector):
    """News are told once, and never again."""

    told = False

    def changed(self):
        if not self.told:
            self.told = True
            super().changed()


@broken(
    "test_push_is_as_declared",
    "test_every_hand_over_is_told",
    "test_leader_that_closes_is_told",
    "test_expiry_is_told_to_followers",
    "test_loss_is_told_to_the_leader",
    "test_hand_over_after_a_restart_is_told",
)
class TellsOfElectionsOnly(ModelElector):
    """That a term has ended is not told."""

    def changed(self):
        if self.store.ballot(self.key).leader is not None:
            super().changed()


@broken("test_election_is_told_to_watchers")
class TellsOfEndsOnly(ModelElector):
    """That somebody was elected is not told."""

    def changed(self):
        if self.store.ballot(self.key).leader is None:
            super().changed()


@broken("test_expiry_is_told_to_followers", "test_loss_is_told_to_the_leader")
class TellsOfWhatElectorsDoOnly(ModelElector):
    """What happens in the store by itself is not told."""

    busy: ClassVar = set()

    def leave(self):
        self.busy.add(self.key)
        try:
            return super().leave()
        finally:
            self.busy.discard(self.key)

    def changed(self):
        if self.key in self.busy or self.store.ballot(self.key).leader is not None:
            super().changed()


@broken("test_loss_is_told_to_the_leader")
class DoesNotTellTheLeader(ModelElector):
    """A leader hears nothing, not even that its claim was deleted."""

    def changed(self):
        if self.claim is None:
            super().changed()


@broken("test_leader_that_closes_is_told")
class LeavesInSilence(ModelElector):
    """When a leader closes, nobody is told."""

    def close(self):
        ballot = self.store.ballot(self.key)
        if ballot.leader is not None and self.is_mine(ballot.leader):
            ballot.leader = None
        super().close()


@broken("test_hand_over_after_a_restart_is_told")
class DoesNotWatchAgain(ModelElector):
    """After a restart of the store nothing is told any more."""

    watched = False

    def ask(self, act):
        watching = self in self.store.watchers
        answer = super().ask(act)
        if self.watched and not watching:
            self.store.watchers.discard(self)
        self.watched = True
        return answer
