"""Renewing a claim, and learning that it is gone."""

from __future__ import annotations

import pytest

from incumbent import InvalidStateError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class Renewal:
    """A leader that checks stays leader, or is told."""

    def test_leader_that_checks_stays_leader(self, scene: Scene) -> None:
        """P2: A leader that renews in time leads for much longer than a ttl."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        for _ in range(5):
            scene.advance(scene.settings.ttl / 3)
            assert a.check_leadership() is not None
            assert b.acquire_leadership() is None

    @requires("expire")
    def test_leader_is_told_of_its_successor(self, scene: Scene) -> None:
        """P1: A leader that fell silent and was succeeded is told so at its next check."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        scene.expire()
        b.lead_soon()
        assert a.check_leadership() is None

    @requires("delete")
    def test_leader_is_told_of_a_deletion(self, scene: Scene) -> None:
        """P1: A leader whose claim was deleted in the store is told so, though nobody else leads."""
        a = scene.candidate("a")
        a.lead()
        scene.delete()
        assert a.check_leadership() is None

    @requires("delete")
    def test_leader_is_told_of_who_came_after_a_deletion(self, scene: Scene) -> None:
        """P1: A claim in the place of one's own is another's, if one's own was deleted and another was elected."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        scene.delete()
        b.lead_soon()
        assert a.check_leadership() is None
        assert b.check_leadership() is not None

    @requires("expire")
    def test_lost_claim_is_gone_for_good(self, scene: Scene) -> None:
        """P1: Who was told of the loss holds no claim any more: checking again is refused."""
        a = scene.candidate("a")
        a.lead()
        scene.expire()
        scene.candidate("b").lead_soon()
        a.check_leadership()
        with pytest.raises(InvalidStateError):
            a.check_leadership()

    @requires("expire")
    def test_who_lost_can_be_elected_again(self, scene: Scene) -> None:
        """P7: The same elector is elected again after a loss, when its successor has gone."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        scene.expire()
        b.lead_soon()
        a.check_leadership()
        b.relinquish_leadership()
        a.lead_soon()

    def test_check_without_a_claim_is_refused(self, scene: Scene) -> None:
        """Rule 2: Checking is InvalidStateError for who never asked, was refused, or has relinquished."""
        a, b = scene.candidate("a"), scene.candidate("b")
        with pytest.raises(InvalidStateError):
            a.check_leadership()
        a.lead()
        b.acquire_leadership()
        with pytest.raises(InvalidStateError):
            b.check_leadership()
        a.relinquish_leadership()
        with pytest.raises(InvalidStateError):
            a.check_leadership()

    def test_acquiring_as_the_leader_changes_nothing(self, scene: Scene) -> None:
        """P4: Acquiring while leading is a no-op that returns the claim: no new term begins."""
        a = scene.candidate("a")
        first = a.lead()
        again = a.acquire_leadership()
        assert again is not None
        assert again.token == first.token

    @requires("claims")
    def test_acquiring_as_the_leader_adds_no_claim(self, scene: Scene) -> None:
        """P8: Acquiring while leading leaves nothing new in the store."""
        a = scene.candidate("a")
        a.lead()
        before = scene.claims()
        a.acquire_leadership()
        assert scene.claims() == before
