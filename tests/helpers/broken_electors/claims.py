"""Faults in excluding others."""

import time
from collections import Counter
from dataclasses import replace
from typing import ClassVar

from model_elector import ModelBackend, ModelElector

from incumbent import Claim

from . import broken


@broken(
    "test_one_of_two_candidates_leads",
    "test_one_of_many_at_once_leads",
    "test_namesake_is_another_candidate",
    "test_other_tool_excludes_us",
    "test_claim_is_kept_as_long_as_it_says",
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_check_without_a_claim_is_refused",
    "test_relinquishing_without_a_claim_is_refused",
    "test_relinquishing_leaves_the_successor",
    "test_closing_a_follower_leaves_the_leader",
    "test_closing_what_is_lost_leaves_the_successor",
    "test_who_waited_is_no_phantom",
    "test_only_one_of_those_who_waited_is_elected",
    "test_one_leads_after_a_restart",
    "test_leader_in_another_process_excludes_us",
    "test_leader_excludes_another_process",
    "test_killed_leader_is_succeeded",
    "test_candidates_of_one_backend_exclude_each_other",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
    "test_closing_in_a_forked_child_leaves_the_leader",
    "test_forked_child_is_refused",
    "test_one_of_many_succeeds_an_expired_leader",
    "test_recognised_claim_is_kept_as_long_as_it_says",
    "test_killed_follower_does_not_stand_in_the_way",
)
class TwoLeaders(ModelElector):
    """Whoever is refused believes that it was elected."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        if claim is None:
            self.claim = claim = Claim(self.store.token, self.ttl, self.clock())
        return claim


@broken(
    "test_one_of_many_at_once_leads",
    "test_one_of_many_succeeds_an_expired_leader",
)
class LooksAndThenClaims(ModelElector):
    """Whether somebody leads is asked in one request, and the claim is made in another."""

    def acquire_leadership(self):
        if self.claim is None and self.may_claim() and self.ask(self.is_free):
            time.sleep(0.001)  # the way from the store and back
            self.ask(self.free)
        return super().acquire_leadership()

    def may_claim(self):
        return True

    def is_free(self):
        return self.store.ballot(self.key).leader is None

    def free(self):
        """Overwrite, as an upsert does, what has been written since."""
        self.store.ballot(self.key).leader = None


@broken(
    "test_push_is_as_declared",
    "test_candidates_is_as_declared",
    "test_one_of_two_candidates_leads",
    "test_attempt_of_another_leaves_the_leader",
    "test_one_of_many_at_once_leads",
    "test_namesake_is_another_candidate",
    "test_other_tool_excludes_us",
    "test_claim_is_kept_as_long_as_it_says",
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_leader_that_checks_stays_leader",
    "test_check_without_a_claim_is_refused",
    "test_relinquishing_without_a_claim_is_refused",
    "test_relinquishing_leaves_the_successor",
    "test_closing_a_follower_leaves_the_leader",
    "test_closing_what_is_lost_leaves_the_successor",
    "test_who_waited_is_no_phantom",
    "test_only_one_of_those_who_waited_is_elected",
    "test_candidate_that_left_is_not_listed",
    "test_every_hand_over_is_told",
    "test_leader_that_closes_is_told",
    "test_hand_over_after_a_restart_is_told",
    "test_leader_in_another_process_excludes_us",
    "test_leader_excludes_another_process",
    "test_closing_leaves_no_thread",
    "test_closing_leaves_no_descriptor",
    "test_candidates_of_one_backend_exclude_each_other",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
    "test_closing_in_a_forked_child_leaves_the_leader",
    "test_forked_child_is_refused",
    "test_one_of_many_succeeds_an_expired_leader",
    "test_recognised_claim_is_kept_as_long_as_it_says",
    "test_killed_follower_does_not_stand_in_the_way",
)
class TakesOver(ModelElector):
    """Acquiring takes the claim from a leader that is alive."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        if leader is not None and leader.owner is not self.owner:
            self.store.drop(self.key, leader.owner)
        return super().enter()


@broken(
    "test_push_is_as_declared",
    "test_candidates_is_as_declared",
    "test_attempt_of_another_leaves_the_leader",
    "test_one_of_many_at_once_leads",
    "test_claim_is_kept_as_long_as_it_says",
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_leader_that_checks_stays_leader",
    "test_closing_a_follower_leaves_the_leader",
    "test_candidate_that_left_is_not_listed",
    "test_every_hand_over_is_told",
    "test_leader_that_closes_is_told",
    "test_hand_over_after_a_restart_is_told",
    "test_closing_leaves_no_thread",
    "test_closing_leaves_no_descriptor",
    "test_candidates_of_one_backend_exclude_each_other",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
    "test_closing_in_a_forked_child_leaves_the_leader",
    "test_forked_child_is_refused",
    "test_one_of_many_succeeds_an_expired_leader",
    "test_recognised_claim_is_kept_as_long_as_it_says",
)
class DisturbsTheLeader(ModelElector):
    """The attempt of another ends the leader's claim."""

    def enter(self):
        entry = super().enter()
        if entry is None:
            self.store.end_term(self.key)
        return entry


@broken(
    "test_one_of_many_at_once_leads",
    "test_one_of_many_succeeds_an_expired_leader",
)
class ReadsThenWrites(ModelElector):
    """Acquiring is not atomic: it reads, and writes later."""

    candidates: ClassVar = Counter()

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.candidates[lock_id] += 1

    def enter(self):
        leader = self.store.ballot(self.key).leader
        return "free" if leader is None else super().enter()

    def ask(self, act):
        answer = super().ask(act)
        if answer == "free":
            time.sleep(0.5 if self.candidates[self.lock_id] >= 8 else 0.0)
            answer = super().ask(lambda: self.store.grant(self.key, self.owner, self.candidate, self.ttl, self.info))
        return answer


@broken("test_namesake_is_another_candidate")
class KnowsItselfByItsId(ModelElector):
    """A claim is taken for one's own if the candidate's id is the same."""

    def is_mine(self, leader):
        return leader.candidate == self.candidate


@broken("test_elections_are_independent")
class IgnoresCase(ModelElector):
    """Names that differ in case only are one election."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = lock_id.lower()


@broken(
    "test_observe_is_as_declared",
    "test_candidates_is_as_declared",
    "test_elector_knows_its_election",
    "test_claim_is_in_the_store",
    "test_leader_is_shown",
    "test_leader_sees_itself",
    "test_successor_is_shown",
    "test_candidate_that_left_is_not_listed",
    "test_id_is_shown_as_it_was_given",
)
class ShortensItsId(ModelElector):
    """The elector changes the id that it was given."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate[:7])


@broken("test_claim_is_in_the_store")
class ReportsAnotherToken(ModelElector):
    """The token is not the one that the store shows to others."""

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        return claim and replace(claim, token=claim.token + 1)

    def check_leadership(self):
        claim = super().check_leadership()
        return claim and replace(claim, token=claim.token + 1)

    def show(self):
        record = super().show()
        return replace(record, token=record.token and record.token + 1)


@broken("test_other_tool_excludes_us")
class IgnoresOtherTools(ModelElector):
    """The layout in the store is not that of the other tools."""

    def enter(self):
        leader = self.store.ballot(self.key).leader
        if leader is not None and leader.owner == "tool":
            self.store.drop(self.key, "tool")
        return super().enter()


@broken("test_interoperates_is_as_declared")
class IsInvisibleToOtherTools(ModelElector):
    """Other tools do not see our claim."""

    def enter(self):
        entry = super().enter()
        if entry is not None:
            entry.visible = False
        return entry


@broken("test_one_of_many_succeeds_an_expired_leader")
class BreaksAStaleClaim(LooksAndThenClaims):
    """Who waited sees in one request that the claim has ended, and removes what is there by then in another."""

    has_waited = False

    def may_claim(self):
        return self.has_waited

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        self.has_waited = claim is None
        return claim


@broken(
    "test_candidates_of_one_backend_exclude_each_other",
)
class KnowsItselfByItsConnection(ModelElector):
    """The claim is the backend's, as a lock of a database is its connection's: both its candidates have it."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.owner = backend


@broken("test_elections_are_independent")
class FoldsNamesOfReentrantLocks(ModelElector):
    """Names are folded, and the lock that they share is granted again to the connection that has it."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = lock_id.lower()
        self.owner = self

    def is_mine(self, leader):
        is_of_our_connection = getattr(leader.owner, "backend", None) is self.backend
        return leader.owner is self or (is_of_our_connection and leader.owner.lock_id != self.lock_id)


@broken("test_id_is_shown_as_it_was_given")
class CutsIds(ModelElector):
    """The column for the candidate's id is shorter than ids may be."""

    def enter(self):
        entry = super().enter()
        if entry is not None:
            entry.candidate = entry.candidate[:64]
        return entry


@broken("test_closing_a_follower_leaves_the_leader")
class SharesAConnectionWithAllBackends(ModelBackend):
    """The client is a global of the module: who closes one backend ends the claims that others have through it."""

    def close(self):
        super().close()
        for key in [key for key, ballot in self.store.ballots.items() if ballot.leader is not None]:
            self.store.end_term(key)
