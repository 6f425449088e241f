"""Answers that come from memory, and not from the store."""

from __future__ import annotations

import time

from incumbent import LeaderRecord

from . import mistaken
from .elector import ZooElector

#: What a leader that is wrong about its claim does not know of.
LOSSES = (
    "test_leader_is_told_of_its_successor",
    "test_lost_claim_is_gone_for_good",
    "test_leader_is_told_of_a_deletion",
    "test_leader_is_told_of_who_came_after_a_deletion",
    "test_leader_is_told_of_an_empty_restart",
    "test_loss_is_told_however_often_it_was_checked",
    "test_deletion_is_told_however_often_it_was_checked",
    "test_second_term_has_nothing_of_the_first",
)


@mistaken(*LOSSES)
class RenewsInVain(ZooElector):
    """Whatever the store says, the claim is renewed."""

    def renew(self):
        return {**super().renew(), "granted": True, "token": self.token, "ttl": self.ttl()}


@mistaken("test_loss_is_told_however_often_it_was_checked", "test_deletion_is_told_however_often_it_was_checked")
class ChecksEveryOtherTime(ZooElector):
    """Every second check of a term is answered from the first."""

    count = 0
    last = None

    def check_leadership(self):
        self.refuse_without_claim()
        self.count += 1
        if self.count % 2 == 0:
            return self.last
        self.last = super().check_leadership()
        return self.last

    def lost(self):
        self.count = 0
        return super().lost()


@mistaken(
    "test_loss_is_told_however_often_it_was_checked",
    "test_deletion_is_told_however_often_it_was_checked",
    ttl=4.0,
    request_timeout=1.0,
)
class ChecksNowAndThen(ZooElector):
    """A check soon after another is answered from that."""

    last = None
    at = -1e9

    def check_leadership(self):
        self.refuse_without_claim()
        if self.last is None or time.monotonic() - self.at > self.ttl() / 4:
            self.last = super().check_leadership()
            self.at = time.monotonic()
        return self.last

    def lost(self):
        self.last = None
        return super().lost()


@mistaken("test_acquiring_after_an_unnoticed_loss_is_refused", "test_acquiring_after_a_deletion_is_refused")
class AcquiresFromMemory(ZooElector):
    """Acquiring while leading returns the claim, and asks nobody whether it is there."""

    last = None

    def acquire_leadership(self):
        self.backend.refuse_fork()
        return super().acquire_leadership() if self.token is None else self.last

    def granted(self, answer, sent):
        self.last = super().granted(answer, sent)
        return self.last


@mistaken("test_second_term_has_nothing_of_the_first")
class TakesNoLossToHeart(ZooElector):
    """Who is told of a loss has its old claim again when it acquires."""

    last = known = None

    def acquire_leadership(self):
        last, self.last = self.last, None
        if last is not None:
            self.token = last.token
            return last
        return super().acquire_leadership()

    def check_leadership(self):
        claim = super().check_leadership()
        self.last = self.known if claim is None else None
        return claim

    def granted(self, answer, sent):
        claim = super().granted(answer, sent)
        self.known = claim or self.known
        return claim


@mistaken("test_freed_election_is_won_however_often_it_was_refused")
class BacksOff(ZooElector):
    """Who was refused several times does not ask for a while."""

    refused = 0

    def claim(self):
        if self.refused >= 3:
            self.refused = 0
            return {"granted": False}
        answer = super().claim()
        self.refused = 0 if answer["granted"] else self.refused + 1
        return answer


@mistaken(
    "test_who_was_succeeded_sees_its_successor",
    "test_leader_that_was_deleted_is_not_shown",
)
class ShowsItself(ZooElector):
    """A leader is shown itself, as long as it believes to lead."""

    def record(self, answer):
        if self.token is None:
            return super().record(answer)
        return LeaderRecord(self.lock_id, self.candidate, self.token, None, super().record(answer).candidates)


@mistaken(
    "test_every_change_is_shown_at_once",
    "test_successor_is_shown",
)
class ShowsWhatItHasShown(ZooElector):
    """Who has looked is shown the same again for a ttl."""

    last = None
    at = -1e9

    def observe_leadership(self):
        if self.last is None or time.monotonic() - self.at > self.ttl():
            self.last = super().observe_leadership()
            self.at = time.monotonic()
        return self.last
