"""Faults in observing and in pushing."""

from dataclasses import replace

from incumbent import LeaderRecord
from model_elector import ModelElector

from . import broken


@broken()
class ShowsADeadLeader(ModelElector):
    """The last leader is shown until there is another."""

    last = None

    def show(self):
        record = super().show()
        if record.candidate is not None:
            self.last = record
        return self.last or record


@broken()
class ShowsTheFirstLeader(ModelElector):
    """The first leader is shown for ever."""

    first = None

    def show(self):
        record = super().show()
        if record.candidate is not None:
            self.first = self.first or record
        return self.first or record


@broken()
class ShowsAnEmptyIdForNobody(ModelElector):
    """That nobody leads is shown as a candidate without a name."""

    def show(self):
        record = super().show()
        return replace(record, candidate=record.candidate or "")


@broken()
class ShowsNoToken(ModelElector):
    """The leader is shown without its token."""

    def show(self):
        return replace(super().show(), token=None)


@broken()
class ShowsOnlyItself(ModelElector):
    """Observing knows what the elector itself holds, and nothing of others."""

    def show(self):
        return super().show() if self.claim is not None else LeaderRecord(self.lock_id, None, None)


@broken()
class ShowsOnlyOthers(ModelElector):
    """The leader does not see itself."""

    def show(self):
        return super().show() if self.claim is None else LeaderRecord(self.lock_id, None, None)


@broken()
class ObservingEntersTheElection(ModelElector):
    """Who observes becomes a candidate."""

    def show(self):
        ballot = self.store.ballot(self.key)
        if self.claim is None:
            ballot.places[self.owner] = self.candidate
        return super().show()


@broken()
class ListsWhoHasLeft(ModelElector):
    """Who was refused once is listed for ever."""

    seen = {}

    def show(self):
        record = super().show()
        seen = self.seen.setdefault(self.key, set())
        return replace(record, candidates=(*record.candidates, *sorted(seen.difference(record.candidates))))

    def enter(self):
        entry = super().enter()
        if entry is None:
            self.seen.setdefault(self.key, set()).add(self.candidate)
        return entry


@broken()
class TellsOnce(ModelElector):
    """News are told once, and never again."""

    told = False

    def changed(self):
        if not self.told:
            self.told = True
            super().changed()


@broken()
class TellsOfElectionsOnly(ModelElector):
    """That a term has ended is not told."""

    def changed(self):
        if self.store.ballot(self.key).leader is not None:
            super().changed()


@broken()
class TellsOfEndsOnly(ModelElector):
    """That somebody was elected is not told."""

    def changed(self):
        if self.store.ballot(self.key).leader is None:
            super().changed()


@broken()
class TellsOfWhatElectorsDoOnly(ModelElector):
    """What happens in the store by itself is not told."""

    busy = set()

    def leave(self):
        self.busy.add(self.key)
        try:
            return super().leave()
        finally:
            self.busy.discard(self.key)

    def changed(self):
        if self.key in self.busy or self.store.ballot(self.key).leader is not None:
            super().changed()


@broken()
class DoesNotTellTheLeader(ModelElector):
    """A leader hears nothing, not even that its claim was deleted."""

    def changed(self):
        if self.claim is None:
            super().changed()


@broken()
class LeavesInSilence(ModelElector):
    """When a leader closes, nobody is told."""

    def close(self):
        if self.claim is not None:
            self.store.ballot(self.key).leader = None
        super().close()


@broken()
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
