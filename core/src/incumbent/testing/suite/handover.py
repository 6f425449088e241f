"""Giving the leadership up: by relinquishing, and by leaving the election."""

from __future__ import annotations

import pytest

from incumbent import InvalidStateError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class HandOver:
    """What a leader gives up is free at once, and is never another's."""

    def test_relinquishing_frees_the_election_at_once(self, scene: Scene) -> None:
        """P7: The next attempt of a newcomer succeeds when the leader has relinquished."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        assert a.relinquish_leadership() is True
        b.lead()

    def test_follower_is_elected_after_relinquishing(self, scene: Scene) -> None:
        """P7: The next attempt of a candidate that had asked in vain succeeds when the leader has relinquished."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        a.relinquish_leadership()
        b.lead()

    def test_who_relinquished_can_be_elected_again(self, scene: Scene) -> None:
        """P7: The same elector serves for any number of terms."""
        a = scene.candidate("a")
        for _ in range(3):
            a.lead()
            a.relinquish_leadership()

    def test_relinquishing_without_a_claim_is_refused(self, scene: Scene) -> None:
        """Rule 2: Relinquishing is InvalidStateError for who never asked, was refused, or has relinquished."""
        a, b = scene.candidate("a"), scene.candidate("b")
        with pytest.raises(InvalidStateError):
            a.relinquish_leadership()
        a.lead()
        b.acquire_leadership()
        with pytest.raises(InvalidStateError):
            b.relinquish_leadership()
        a.relinquish_leadership()
        with pytest.raises(InvalidStateError):
            a.relinquish_leadership()

    @requires("expire")
    def test_relinquishing_what_is_lost_says_so(self, scene: Scene) -> None:
        """P1: Relinquishing a claim that ended unnoticed is False, not True."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        scene.expire()
        b.lead_soon()
        assert a.relinquish_leadership() is False

    @requires("expire")
    def test_relinquishing_leaves_the_successor(self, scene: Scene) -> None:
        """P1: Relinquishing a claim that ended unnoticed does not end the successor's."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
        a.lead()
        scene.expire()
        b.lead_soon()
        a.relinquish_leadership()
        assert c.acquire_leadership() is None

    def test_closing_the_leader_frees_the_election_at_once(self, scene: Scene) -> None:
        """P8: A leader that closes its elector gives its claim up."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        a.close()
        b.lead()

    def test_closing_a_follower_leaves_the_leader(self, scene: Scene) -> None:
        """P1: A candidate that was refused and goes away does not take the leader's claim with it."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
        a.lead()
        b.acquire_leadership()
        b.close()
        b.close_backend()
        assert c.acquire_leadership() is None
        assert a.check_leadership() is not None

    @requires("expire")
    def test_closing_what_is_lost_leaves_the_successor(self, scene: Scene) -> None:
        """P1: Closing an elector whose claim ended unnoticed does not end the successor's."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
        a.lead()
        scene.expire()
        b.lead_soon()
        a.close()
        assert c.acquire_leadership() is None

    def test_closing_one_elector_leaves_the_others(self, scene: Scene) -> None:
        """P1: An elector that leaves takes nothing from the others of its backend."""
        backend = scene.backend()
        a = scene.candidate("a", backend=backend)
        b = scene.candidate("b", backend=backend, lock_id=f"{scene.lock_id}/other")
        a.lead()
        b.lead()
        a.close()
        assert b.check_leadership() is not None
