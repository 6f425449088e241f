"""News that the elector brings by itself."""

from __future__ import annotations

from incumbent.testing.candidate import lead_by_news, ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .faults import seconds_of

#: A silence, in ttls or timeouts.
SILENCES = 1.2


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

    @requires("push", "observe")
    def test_end_is_told_to_watchers(self, scene: Scene) -> None:
        """P7: Who has observed, and nothing else, is told when the leader has gone, and of the next one."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        for act in (a.relinquish_leadership, a.lead, a.close):
            watcher.observe_leadership()
            watcher.forget_news()
            act()
            assert watcher.hears_news()

    @requires("push", "expire")
    def test_successor_is_told_to_the_leader(self, scene: Scene) -> None:
        """P1: A leader whose claim has ended by itself, and that another has now, is told so."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        a.forget_news()
        scene.expire()
        b.lead_soon()
        assert a.hears_news()

    @requires("push")
    def test_each_listener_is_told(self, scene: Scene) -> None:
        """P7: All that wait are told in time, if they share a backend too, stand in other elections, or others left."""
        backends = [scene.backend(scene.lasting) for _ in range(2)]
        elections = [f"{scene.lock_id}/{number}" for number in range(2)]
        leaders = [scene.candidate("a", lock_id=election, backend=backends[0]) for election in elections]
        waiting: dict[str, list[Candidate]] = {}
        for election, leader in zip(elections, leaders, strict=True):
            leader.lead()
            # With the same ids in both: a process has one for all of its elections.
            crowd = [
                scene.namesake(f"{name}{number}", lock_id=election, backend=backend)
                for number, backend in enumerate(backends)
                for name in "bcd"
            ]
            for candidate in crowd:
                candidate.acquire_leadership()
            waiting[election] = crowd
        for crowd in waiting.values():
            for number in (4, 1):
                crowd.pop(number).close()
        for election, leader in zip(elections, leaders, strict=True):
            lead_by_news(leader, waiting[election], scene.earshot)

    @requires("push")
    def test_hand_over_after_a_silence_is_told(self, scene: Scene) -> None:
        """P7: News come also when there were none for longer than any timeout."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        for _ in ticks(scene.harness, SILENCES * max(scene.harness.ttl, 2 * scene.settings.request_timeout)):
            a.check_leadership()
        b.forget_news()
        a.relinquish_leadership()
        assert b.hears_news()

    @requires("push", "freeze")
    def test_hand_over_after_a_freeze_is_told(self, scene: Scene) -> None:
        """P7: News come again when the store was silent for longer than a request may take."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        with scene.frozen():
            for call in (b.acquire_leadership, a.check_leadership):
                seconds_of(call)
        b.after_outage(b.acquire_leadership)
        b.forget_news()
        a.after_outage(a.relinquish_leadership)
        assert b.hears_news()

    @requires("push", "relay")
    def test_hand_over_during_a_lost_connection_is_told(self, scene: Scene) -> None:
        """P7: Who was cut off is told, when it is connected again, of what has happened meanwhile."""
        relay = scene.relay()
        a, b = scene.candidate("a"), scene.candidate("b", backend=scene.backend(relay=relay))
        a.lead()
        b.acquire_leadership()
        b.forget_news()
        with relay.broken("all connections are cut", lambda proxy: proxy.cut()):
            a.relinquish_leadership()
        assert b.hears_news(scene.harness.patience)

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
