"""Reading who leads."""

from __future__ import annotations

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class Observing:
    """The record shows the leader that the store has, and nobody else."""

    @requires("observe")
    def test_nobody_leads_at_first(self, scene: Scene) -> None:
        """P1: The record of an election that nobody has entered shows no leader and no token."""
        record = scene.candidate("watcher").observe_leadership()
        assert (record.lock_id, record.candidate, record.token) == (scene.lock_id, None, None)

    @requires("observe")
    def test_leader_is_shown(self, scene: Scene) -> None:
        """P1: The record shows the leader's id and its token."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        claim = a.lead()
        record = watcher.observe_leadership()
        assert (record.lock_id, record.candidate, record.token) == (scene.lock_id, a.candidate, claim.token)

    @requires("observe")
    def test_since_is_when_the_leader_was_elected(self, scene: Scene) -> None:
        """Contract: *since*, if it is known, is in seconds since the Unix epoch, and renewing does not move it."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        since = watcher.observe_leadership().since
        assert since is None or (type(since) in {int, float} and 1e9 < since < 1e10)  # the years 2001 to 2286
        scene.advance(scene.settings.ttl / 20)
        a.check_leadership()
        assert watcher.observe_leadership().since == since

    @requires("observe")
    def test_leader_sees_itself(self, scene: Scene) -> None:
        """P1: The leader's own record shows itself."""
        a = scene.candidate("a")
        claim = a.lead()
        record = a.observe_leadership()
        assert (record.candidate, record.token) == (a.candidate, claim.token)

    @requires("observe")
    def test_leader_that_relinquished_is_not_shown(self, scene: Scene) -> None:
        """P1: The record shows nobody when the leader has relinquished."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        watcher.observe_leadership()
        a.relinquish_leadership()
        assert watcher.observe_leadership().candidate is None

    @requires("observe", "expire")
    def test_leader_that_expired_is_not_shown(self, scene: Scene) -> None:
        """P1: The record does not show a leader whose claim has ended by itself."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        watcher.observe_leadership()
        scene.expire()
        assert watcher.observe_leadership().candidate is None

    @requires("observe")
    def test_successor_is_shown(self, scene: Scene) -> None:
        """P1: The record shows the second leader after the first."""
        a, b, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        a.lead()
        watcher.observe_leadership()
        a.relinquish_leadership()
        claim = b.lead_soon()
        record = watcher.observe_leadership()
        assert (record.candidate, record.token) == (b.candidate, claim.token)

    @requires("observe")
    def test_watcher_is_no_candidate(self, scene: Scene) -> None:
        """P1: Who only watches is not listed as a candidate, and does not stand in the way of one."""
        a, b, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        watcher.observe_leadership()
        a.lead()
        assert watcher.candidate not in (watcher.observe_leadership().candidates or ())
        a.relinquish_leadership()
        b.lead()

    @requires("observe", "candidates")
    def test_candidate_that_left_is_not_listed(self, scene: Scene) -> None:
        """P8: A candidate that was refused and has left is not listed any more."""
        a, b, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        a.lead()
        b.acquire_leadership()
        b.close()
        assert watcher.observe_leadership().candidates == (a.candidate,)
