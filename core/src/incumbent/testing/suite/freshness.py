"""Answers that come from the store, and not from what it said before."""

from __future__ import annotations

import pytest

from incumbent import InvalidStateError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .keeping import checked

#: How often something is asked before the answer changes: what is remembered once may be forgotten the second time.
LOOKS = 4


class Freshness:
    """What is said is what is so now, also the second time, and the third."""

    @requires("expire")
    def test_loss_is_told_however_often_it_was_checked(self, scene: Scene) -> None:
        """P1: A leader is told of its successor at once, whether it had checked never before, or several times."""
        leaders = {f"{scene.lock_id}/{checks}": checks for checks in range(LOOKS)}
        candidates = {election: scene.candidate("a", lock_id=election) for election in leaders}
        backend = scene.backend()
        for election, checks in leaders.items():
            candidates[election].lead()
            for _ in range(checks):
                checked(candidates[election])
        scene.expire(*leaders)
        for election, checks in leaders.items():
            scene.candidate("b", lock_id=election, backend=backend).lead_soon()
            came = candidates[election].check_leadership()
            assert came is None, f"after {checks} checks while it led, it is told that it leads still"

    @requires("delete")
    def test_deletion_is_told_however_often_it_was_checked(self, scene: Scene) -> None:
        """P1: A leader is told at once of a deletion, in each of its terms, however often it had checked."""
        a = scene.candidate("a")
        for checks in range(LOOKS):
            a.lead_soon()
            for _ in range(checks):
                checked(a)
            scene.delete()
            assert a.check_leadership() is None, f"after {checks} checks while it led, it is told that it leads still"

    @requires("expire")
    def test_acquiring_after_an_unnoticed_loss_is_refused(self, scene: Scene) -> None:
        """P1: Acquiring is a no-op only while the claim is held: who was succeeded unnoticed is refused."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        a.lead()
        scene.expire()
        b.lead_soon()
        assert a.acquire_leadership() is None
        assert b.check_leadership() is not None

    @requires("delete")
    def test_acquiring_after_a_deletion_is_refused(self, scene: Scene) -> None:
        """P1: So is who was succeeded because its claim was deleted."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        scene.delete()
        b.lead_soon()
        assert a.acquire_leadership() is None
        assert b.check_leadership() is not None

    @requires("expire")
    def test_second_term_has_nothing_of_the_first(self, scene: Scene) -> None:
        """P1, P4: Who lost is refused while another leads, then has a greater token, and is told of its next loss."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        checked(a)
        for _ in range(2):
            scene.expire()
            between = b.lead_soon()
            assert a.check_leadership() is None
            assert a.acquire_leadership() is None
            with pytest.raises(InvalidStateError):
                a.check_leadership()
            b.relinquish_leadership()
            assert a.lead_soon().token > between.token

    def test_freed_election_is_won_however_often_it_was_refused(self, scene: Scene) -> None:
        """P7: The next attempt of who was refused, once or many times, succeeds when the leader has relinquished."""
        leader, follower = scene.candidate("a"), scene.candidate("b")
        for refusals in (1, 3, 6):
            leader.lead()
            for _ in range(refusals):
                assert follower.acquire_leadership() is None
            leader.relinquish_leadership()
            follower.lead()
            follower.relinquish_leadership()

    @requires("observe")
    def test_every_change_is_shown_at_once(self, scene: Scene) -> None:
        """P1: Leader, follower and watcher each see every election and every end, however often they have looked."""
        leader, follower, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        for _ in range(LOOKS):
            claim = leader.lead_soon()
            follower.acquire_leadership()
            for observer in (leader, follower, watcher):
                assert _shown_to(observer) == (leader.candidate, claim.token)
            leader.relinquish_leadership()
            for observer in (leader, follower, watcher):
                assert _shown_to(observer) != (leader.candidate, claim.token)
            leader, follower = follower, leader

    @requires("observe", "expire")
    def test_who_was_succeeded_sees_its_successor(self, scene: Scene) -> None:
        """P1: A leader that was succeeded, and does not know it yet, sees who leads, and when that one has left."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        a.observe_leadership()
        scene.expire()
        claim = b.lead_soon()
        assert _shown_to(a) == (b.candidate, claim.token)
        b.relinquish_leadership()
        assert _shown_to(a) != (b.candidate, claim.token)

    @requires("observe", "delete")
    def test_leader_that_was_deleted_is_not_shown(self, scene: Scene) -> None:
        """P1: The record does not show a leader whose claim was deleted, not even to itself."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        for observer in (a, watcher):
            observer.observe_leadership()
        scene.delete()
        for observer in (a, watcher):
            assert _shown_to(observer) == (None, None)


def _shown_to(observer: Candidate) -> tuple[str | None, int | None]:
    record = observer.observe_leadership()
    return record.candidate, record.token
