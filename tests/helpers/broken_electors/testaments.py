"""Faults in testaments."""

from dataclasses import replace

from model_elector import ModelBackend, ModelElector
from model_store import StoreError

from incumbent import InvalidStateError, no

from . import broken

AT_ONCE = "test_testament_ends_its_term_at_once"
RENEWED = "test_testament_of_a_renewed_claim_ends_its_term"
KILLED = "test_testament_of_a_killed_leader_ends_its_term"
SUCCESSOR = "test_late_testament_leaves_the_successor"
NEXT = "test_late_testament_leaves_the_next_term_of_its_candidate"
ONCE = "test_testament_is_executed_once"
OTHERS = "test_testament_leaves_the_others_of_its_backend"
TOLD = "test_leader_is_told_of_its_testament"
WORD = "test_testament_is_a_short_word"
STRANGE = "test_strange_testament_ends_nothing"
DECLARED = "test_testament_is_as_declared"


@broken(DECLARED)
class ConcealsTestaments(ModelBackend):
    """Leaves testaments, but declares that it does not."""

    capabilities = replace(ModelBackend.capabilities, testament=no("out of modesty"))


@broken(DECLARED, AT_ONCE, RENEWED, KILLED, SUCCESSOR, NEXT, ONCE, OTHERS, TOLD, STRANGE)
class DeclaresTestaments(ModelBackend):
    """Declares that testaments can be executed, and has nobody for it."""

    def execute(self, lock_id, testament):
        raise InvalidStateError


@broken(AT_ONCE, RENEWED, KILLED, ONCE, TOLD)
class ExecutesNothing(ModelBackend):
    """Executing says yes, and leaves the claim to expire."""

    def end(self, lock_id, testament):
        leader = self.store.ballot(lock_id).leader
        return leader is not None and str(leader.token) == testament


@broken(RENEWED, WORD)
class RenewsWithoutATestament(ModelElector):
    """Only the claim of who was just elected has a testament."""

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, testament="")


@broken(KILLED)
class AsksTheLeader(ModelBackend):
    """Executing asks the leader to go, which a dead one does not hear."""

    def end(self, lock_id, testament):
        watching = any(isinstance(watcher, ModelElector) and watcher.claim for watcher in self.store.watchers)
        return watching and super().end(lock_id, testament)


@broken(SUCCESSOR, NEXT, ONCE, STRANGE)
class ExecutesWhoeverLeads(ModelBackend):
    """Executing ends the term of whoever leads by now."""

    def end(self, lock_id, testament):
        is_led = self.store.ballot(lock_id).leader is not None
        self.store.end_term(lock_id)
        return is_led


class OfCandidates(ModelBackend):
    """Knows whose claim it is, and not which."""

    def end(self, lock_id, testament):
        leader = self.store.ballot(lock_id).leader
        return leader is not None and str(id(leader.owner)) == testament and super().end(lock_id, str(leader.token))


class NamesItself(ModelElector):
    """Leaves one testament for all of its terms."""

    def testament(self, token):
        return str(id(self.owner))


@broken(NEXT)
class ExecutesTheCandidate(OfCandidates):
    """The testament names the candidate, and ends whatever term that has."""

    elector_class = NamesItself


@broken(ONCE)
class SaysYesAgain(ModelBackend):
    """Executing what was executed says that the term was there."""

    def end(self, lock_id, testament):
        executed = self.store.__dict__.setdefault("executed", set())
        if super().end(lock_id, testament):
            executed.add(testament)
        return testament in executed


@broken(OTHERS)
class ExecutesTheWholeBackend(ModelBackend):
    """All terms end that were led on the same connection."""

    def end(self, lock_id, testament):
        leader = self.store.ballot(lock_id).leader
        was_there = super().end(lock_id, testament)
        if was_there:
            for key in self.led():
                owner = self.store.ballot(key).leader.owner
                if self.made_by(owner) is self.made_by(leader.owner):
                    self.store.end_term(key)
        return was_there

    def elector(self, lock_id, candidate):
        elector = super().elector(lock_id, candidate)
        self.store.__dict__.setdefault("backends", {})[elector.owner] = self
        return elector

    def made_by(self, owner):
        return self.store.__dict__["backends"].get(owner)


@broken(TOLD)
class ExecutesInSilence(ModelBackend):
    """Nobody is told of a term that was ended so."""

    def end(self, lock_id, testament):
        watchers, self.store.watchers = self.store.watchers, set()
        try:
            return super().end(lock_id, testament)
        finally:
            self.store.watchers = watchers


class Saying(ModelElector):
    """Leaves more than a word."""

    def testament(self, token):
        return f"end term {token}"


@broken(WORD)
class LeavesASentence(ModelBackend):
    """The testament has blanks."""

    elector_class = Saying

    def end(self, lock_id, testament):
        return super().end(lock_id, testament.removeprefix("end term "))


@broken(STRANGE)
class ExecutesWhatBeginsAlike(ModelBackend):
    """The beginning of a testament is enough."""

    def end(self, lock_id, testament):
        leader = self.store.ballot(lock_id).leader
        begins = leader is not None and str(leader.token).startswith(testament)
        return begins and super().end(lock_id, str(leader.token))


@broken("test_executing_in_a_freeze_is_unknown")
class ExecutesSilentlyNothing(ModelBackend):
    """Without an answer, the term is said to be gone."""

    def execute(self, lock_id, testament):
        try:
            return self.store.request(lambda: self.end(lock_id, testament), self.settings.request_timeout)
        except StoreError:
            return False
