"""A store that dies and comes back, with its data or without."""

from __future__ import annotations

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

from .deadline import assert_kept
from .faults import assert_unavailable


class Restarts:
    """Everybody finds back into the election."""

    @requires("kill")
    def test_dead_store_is_unavailable(self, scene: Scene) -> None:
        """P10: Every call says that its outcome is unknown when the store is dead."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        scene.kill()
        assert_unavailable(a.check_leadership)
        assert_unavailable(a.relinquish_leadership)
        assert_unavailable(b.acquire_leadership)

    @requires("kill", "observe")
    def test_dead_store_shows_nothing(self, scene: Scene) -> None:
        """P10: Observing says that nothing is known when the store is dead."""
        watcher = scene.candidate("watcher")
        watcher.observe_leadership()
        scene.kill()
        assert_unavailable(watcher.observe_leadership)

    @requires("kill")
    def test_one_leads_after_a_restart(self, scene: Scene) -> None:
        """P1: After a restart, another is elected only if the leader has lost its claim."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        scene.kill()
        scene.restart()
        elected = b.after_outage(b.acquire_leadership)
        kept = a.after_outage(a.check_leadership)
        assert elected is None or kept is None

    @requires("kill", "fencing_across_restarts")
    def test_claim_is_kept_over_a_restart(self, scene: Scene) -> None:
        """P1, P2: A restart of a store that keeps its data ends no claim before *sent* + *guarantee*."""
        claim = scene.candidate("a").lead()
        scene.kill()
        scene.restart()
        assert_kept(scene, claim)

    @requires("kill")
    def test_election_goes_on_after_a_restart(self, scene: Scene) -> None:
        """P7: The electors that were there before a restart are elected after it."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        scene.kill()
        scene.restart()
        a.after_outage(a.relinquish_leadership)
        b.lead_soon()
        b.relinquish_leadership()
        a.lead_soon()

    @requires("kill")
    def test_leader_is_told_of_an_empty_restart(self, scene: Scene) -> None:
        """P1: A leader whose store has come back without its data is told that its claim is gone."""
        a = scene.candidate("a")
        a.lead()
        scene.kill()
        scene.restart(empty=True)
        assert a.after_outage(a.check_leadership) is None
