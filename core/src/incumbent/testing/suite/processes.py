"""Candidates in other processes."""

from __future__ import annotations

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class Processes:
    """What one process does, and how it ends, is seen by the others."""

    @requires("outsider")
    def test_leader_in_another_process_excludes_us(self, scene: Scene) -> None:
        """P1: While a candidate in another process leads, one in this process asks in vain."""
        a = scene.candidate("a")
        with scene.outsider() as outsider:
            assert outsider.claim is not None
            assert a.acquire_leadership() is None

    @requires("outsider")
    def test_leader_excludes_another_process(self, scene: Scene) -> None:
        """P1: While a candidate in this process leads, one in another process asks in vain."""
        a = scene.candidate("a")
        a.lead()
        with scene.outsider(leader=a) as outsider:
            assert outsider.claim is None

    @requires("outsider")
    def test_killed_leader_is_succeeded(self, scene: Scene) -> None:
        """P4, P7: A leader killed with SIGKILL is succeeded, with a greater token, though it could say nothing."""
        a = scene.candidate("a")
        with scene.outsider() as outsider:
            assert outsider.claim is not None
            a.acquire_leadership()
            outsider.kill()
            assert a.lead_soon().token > outsider.claim.token

    @requires("outsider")
    def test_killed_follower_does_not_stand_in_the_way(self, scene: Scene) -> None:
        """P7: A candidate that waited and was killed with SIGKILL does not keep its place before those who stay."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        with scene.outsider(leader=a) as outsider:
            assert outsider.claim is None
            b.acquire_leadership()
            outsider.kill()
            a.relinquish_leadership()
            b.lead_soon()
