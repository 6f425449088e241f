"""Guarantees that are not kept."""

from __future__ import annotations

from . import mistaken
from .elector import ZooElector


@mistaken(
    "test_claim_is_kept_as_long_as_it_says",
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_recognised_claim_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
)
class GuaranteesMore(ZooElector):
    """The guarantee is more than the store was asked for."""

    def guarantee(self, answer):
        return answer["ttl"] + 0.5
