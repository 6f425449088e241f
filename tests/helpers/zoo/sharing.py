"""What two electors of one backend have in common by mistake, and two of one name."""

from __future__ import annotations

import threading
import time

from . import mistaken
from .elector import ZooBackend, ZooElector


class Shares(ZooElector):
    """Has something in common with the other electors of its backend in its election."""

    def shared(self, what, made=None):
        return self.backend.__dict__.setdefault(what, {}).setdefault(self.key, made)

    def share(self, what, value):
        self.backend.__dict__.setdefault(what, {})[self.key] = value

    def others(self):
        return [elector for elector in self.backend.electors if elector is not self and elector.key == self.key]


@mistaken(
    "test_candidates_of_one_backend_exclude_each_other",
    "test_candidates_of_one_backend_succeed_each_other",
    "test_closing_one_of_a_backend_leaves_the_leader",
)
class OwnerIsTheBackend(Shares):
    """The store knows all electors of a backend in one election as one owner."""

    def new_owner(self):
        if self.shared("owners") is None or self.backend.__dict__.pop("is_lost", False):
            self.share("owners", super().new_owner())
        return self.shared("owners")

    def lost(self):
        self.backend.is_lost = True
        super().lost()

    def claim(self):
        self.owner = self.shared("owners")
        return super().claim()


@mistaken("test_candidates_of_one_backend_exclude_each_other", "test_candidates_of_one_backend_hand_over")
class ChecksWhatItsBackendHolds(Shares):
    """Whether there is a claim to check is known of the backend, and not of the elector."""

    def refuse_without_claim(self):
        if self.token is None and any(other.token is not None for other in self.others()):
            self.token = 0
        super().refuse_without_claim()


@mistaken("test_candidates_of_one_backend_succeed_each_other")
class TakesTheClaimOfItsBackend(Shares):
    """A claim that another elector of the backend has is taken for its own."""

    def renew(self):
        answer = super().renew()
        return next((other.renew() for other in self.others() if not answer["granted"] and other.token), answer)


@mistaken("test_closing_one_of_a_backend_leaves_the_leader")
class ClosingReleasesForTheBackend(Shares):
    """Closing releases whatever the backend has in the election."""

    def release_at_the_end(self):
        super().release_at_the_end()
        for other in self.others():
            if other.token is not None:
                self.backend.client.ask("release", election=self.key, owner=other.owner)


@mistaken("test_candidates_of_one_backend_see_who_leads")
class SeesItselfInItsBackend(Shares):
    """A leader on its own connection is taken for the elector itself."""

    def record(self, answer):
        if answer["leader"] and answer["leader"]["owner"] in {other.owner for other in self.others()}:
            answer["leader"]["candidate"] = self.candidate
        return super().record(answer)


@mistaken("test_namesake_is_another_candidate", "test_candidate_that_was_closed_can_be_made_again")
class MakesTheSameElectorOnce(ZooBackend):
    """Whoever asks for an elector of the same name and id gets the one that there is, or was."""

    def elector(self, lock_id, candidate):
        made = self.__dict__.setdefault("made", {})
        if (lock_id, candidate) not in made:
            made[lock_id, candidate] = super().elector(lock_id, candidate)
        return made[lock_id, candidate]


@mistaken(
    "test_candidates_of_one_backend_exclude_each_other",
)
class MakesOneElectorForAnElection(ZooBackend):
    """All candidates of an election on one backend are one elector."""

    def elector(self, lock_id, candidate):
        made = self.__dict__.setdefault("made", {})
        if lock_id not in made:
            made[lock_id] = super().elector(lock_id, candidate)
        return made[lock_id]


class KnowsByName(ZooElector):
    """Takes a leader that has its id for itself."""

    def adopt(self):
        leader = self.ask("show")["leader"]
        if leader is not None and leader["candidate"] == self.candidate:
            self.owner = leader["owner"]


@mistaken("test_namesake_is_another_candidate")
class AcquiresByName(KnowsByName):
    """Who asks and has the id of the leader is the leader."""

    def claim(self):
        self.adopt()
        return super().claim()


@mistaken("test_namesake_that_succeeded_is_told_of")
class ChecksByName(KnowsByName):
    """A check looks for the id of the leader only."""

    def renew(self):
        self.adopt()
        return super().renew()


@mistaken("test_namesake_that_succeeded_is_left_by_relinquishing")
class RelinquishesByName(KnowsByName):
    """Relinquishing ends the claim of whoever has the same id."""

    def release(self):
        self.adopt()
        return super().release()


@mistaken("test_namesake_is_another_candidate", "test_namesake_that_succeeded_is_left_by_closing")
class ClosesByName(KnowsByName):
    """Closing ends the claim of whoever has the same id."""

    def release_at_the_end(self):
        self.adopt()
        super().release_at_the_end()


@mistaken(
    "test_one_of_many_of_one_backend_leads",
)
class ReadsWhatItsBackendKnows(Shares):
    """Who is refused because of a leader on its own backend is told what that one is told."""

    def claim(self):
        answer = super().claim()
        leader = next((other for other in self.others() if other.token is not None), None)
        return answer if answer["granted"] or leader is None else leader.claim()


@mistaken("test_one_of_many_of_one_backend_leads")
class SpeaksForAllOfItsBackend(Shares):
    """Electors of a backend that ask in the same moment are asked for once, and have the same answer."""

    def claim(self):
        asking = self.shared("asking", {})
        with self.shared("turn", threading.Lock()):
            is_first = not asking
            if is_first:
                asking["answer"] = super().claim()
            answer = asking["answer"]
        if is_first:
            time.sleep(0.5)
            asking.clear()
        return answer
