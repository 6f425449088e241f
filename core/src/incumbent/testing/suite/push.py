"""News that the elector brings by itself."""

from __future__ import annotations

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class Push:
    """`notify` is called after everything that may change an answer."""

    @requires("push")
    def test_every_hand_over_is_told(self, scene: Scene) -> None:
        """P7: The candidate that was refused is told of each hand-over, not of the first one only."""
        leader, follower = scene.candidate("a"), scene.candidate("b")
        leader.lead()
        for _ in range(4):
            follower.acquire_leadership()
            follower.forget_news()
            leader.relinquish_leadership()
            assert follower.hears_news()
            follower.lead_soon()
            leader, follower = follower, leader

    @requires("push")
    def test_leader_that_closes_is_told(self, scene: Scene) -> None:
        """P7: The candidate that was refused is told when the leader leaves the election."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        b.forget_news()
        a.close()
        assert b.hears_news()

    @requires("push", "expire")
    def test_expiry_is_told_to_followers(self, scene: Scene) -> None:
        """P7: The candidate that was refused is told when the leader's claim ends by itself."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        b.forget_news()
        scene.expire()
        assert b.hears_news()

    @requires("push", "delete")
    def test_loss_is_told_to_the_leader(self, scene: Scene) -> None:
        """P1: The leader is told when its claim is deleted in the store."""
        a = scene.candidate("a")
        a.lead()
        a.forget_news()
        scene.delete()
        assert a.hears_news()

    @requires("push", "observe")
    def test_election_is_told_to_watchers(self, scene: Scene) -> None:
        """P7: Who has observed is told when somebody is elected."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        watcher.observe_leadership()
        watcher.forget_news()
        a.lead()
        assert watcher.hears_news()

    @requires("push", "kill")
    def test_hand_over_after_a_restart_is_told(self, scene: Scene) -> None:
        """P7: News arrive again when the store has been away."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        scene.kill()
        scene.restart()
        a.after_outage(a.relinquish_leadership)
        c = scene.candidate("c")
        c.lead_soon()
        b.after_outage(b.acquire_leadership)
        b.forget_news()
        c.relinquish_leadership()
        assert b.hears_news()
