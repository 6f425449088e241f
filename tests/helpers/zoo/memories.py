"""Answers that come from memory, and not from the store."""

from __future__ import annotations

from . import mistaken
from .elector import ZooElector


@mistaken(
    "test_leader_is_told_of_its_successor",
    "test_lost_claim_is_gone_for_good",
    "test_leader_is_told_of_a_deletion",
    "test_leader_is_told_of_who_came_after_a_deletion",
    "test_leader_is_told_of_an_empty_restart",
)
class RenewsInVain(ZooElector):
    """Whatever the store says, the claim is renewed."""

    def renew(self):
        return {**super().renew(), "granted": True, "token": self.token, "ttl": self.ttl()}
