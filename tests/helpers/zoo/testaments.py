"""Testaments that end too little, too much, or nothing."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakValueDictionary

from incumbent import BackendUnavailableError, no

from . import mistaken
from .elector import ZooBackend, ZooElector

AT_ONCE = "test_testament_ends_its_term_at_once"
RENEWED = "test_testament_of_a_renewed_claim_ends_its_term"
KILLED = "test_testament_of_a_killed_leader_ends_its_term"
SUCCESSOR = "test_late_testament_leaves_the_successor"
NEXT = "test_late_testament_leaves_the_next_term_of_its_candidate"
ONCE = "test_testament_is_executed_once"
TOLD = "test_leader_is_told_of_its_testament"
WORD = "test_testament_is_a_short_word"
STRANGE = "test_strange_testament_ends_nothing"


@mistaken("test_testament_is_as_declared")
class ConcealsTestaments(ZooBackend):
    """Testaments are left, and said not to be."""

    capabilities = replace(ZooBackend.capabilities, testament=no("nobody needs it"))


class Looking(ZooBackend):
    """Looks who leads before it executes."""

    def leader(self, lock_id):
        return self.ask("show", election=lock_id)["leader"]


@mistaken(AT_ONCE, RENEWED, KILLED, ONCE, TOLD)
class LeavesTheClaim(Looking):
    """Whether a term can be executed is all that is looked for."""

    def execute(self, lock_id, testament):
        leader = self.leader(lock_id)
        return leader is not None and leader["owner"] == testament


@mistaken(RENEWED, WORD)
class TestatesOnce(ZooElector):
    """A renewed claim has no testament."""

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, testament="")


LIVING = WeakValueDictionary()


class Living(ZooElector):
    """Is known in its process by the name of its term."""

    def granted(self, answer, sent):
        LIVING[self.owner] = self
        return super().granted(answer, sent)


@mistaken(KILLED)
class AsksTheElector(ZooBackend):
    """The elector that has left the testament is looked for in this process, and executes it itself."""

    elector_class = Living

    def execute(self, lock_id, testament):
        return testament in LIVING and super().execute(lock_id, testament)


@mistaken(SUCCESSOR, NEXT, ONCE, STRANGE)
class EndsTheElection(Looking):
    """Whoever leads is ended."""

    def execute(self, lock_id, testament):
        leader = self.leader(lock_id)
        return leader is not None and super().execute(lock_id, leader["owner"])


class Named(ZooElector):
    """Testates by its id."""

    def testament(self):
        return self.candidate


@mistaken(NEXT)
class EndsTheCandidate(Looking):
    """The testament is the candidate's id, which its next term has as well."""

    elector_class = Named

    def execute(self, lock_id, testament):
        leader = self.leader(lock_id)
        is_theirs = leader is not None and leader["candidate"] == testament
        return is_theirs and super().execute(lock_id, leader["owner"])


@mistaken(ONCE)
class ExecutesFromMemory(ZooBackend):
    """What was executed once is said to be executed again."""

    def execute(self, lock_id, testament):
        executed = self.__dict__.setdefault("executed", set())
        if super().execute(lock_id, testament):
            executed.add(testament)
        return testament in executed


@mistaken("test_testament_leaves_the_others_of_its_backend")
class EndsWhatIsBelow(Looking):
    """The terms of all elections end whose names begin with that one's."""

    def execute(self, lock_id, testament):
        was_there = super().execute(lock_id, testament)
        for name in self.ask("names", election=lock_id)["names"] if was_there else ():
            self.ask("end", election=name)
        return was_there


@mistaken(TOLD)
class RisesAgain(ZooElector):
    """A leader that finds its claim gone, and nobody in its place, writes it anew."""

    def renew(self):
        answer = super().renew()
        if answer["granted"] or self.ask("show")["leader"] is not None:
            return answer
        return self.ask("put", owner=self.owner, candidate=self.candidate, ttl=self.ttl(), token=self.token)


class Verbose(ZooElector):
    """Testates in a sentence."""

    def testament(self):
        return f"release {self.owner}"


@mistaken(WORD)
class TestatesInASentence(ZooBackend):
    """The testament is an order to the store, with its arguments."""

    elector_class = Verbose

    def execute(self, lock_id, testament):
        return super().execute(lock_id, testament.removeprefix("release "))


@mistaken(STRANGE)
class ReadsPatterns(Looking):
    """What the owner's name begins with is enough."""

    def execute(self, lock_id, testament):
        leader = self.leader(lock_id)
        is_theirs = leader is not None and leader["owner"].startswith(testament)
        return is_theirs and super().execute(lock_id, leader["owner"])


@mistaken("test_executing_in_a_freeze_is_unknown")
class TakesSilenceForDeath(ZooBackend):
    """Without an answer, the term is taken to be gone."""

    def execute(self, lock_id, testament):
        try:
            return super().execute(lock_id, testament)
        except BackendUnavailableError:
            return False
