"""Two electors of one backend in one election, and electors that have the same id."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from incumbent import BackendSettings, InvalidStateError
from incumbent.testing.candidate import lead_by_news
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .exclusion import elected_at_once

#: Candidates of one backend that ask in the same moment, and how often.
CROWD, ROUNDS = 6, 6


class Sharing:
    """Each elector is a candidate of its own: neither the connection nor the id is who has the claim."""

    def test_candidates_of_one_backend_exclude_each_other(self, scene: Scene) -> None:
        """P1: Of two candidates that share a backend, one leads; the other has no claim to check or relinquish."""
        a, b, c = _two_of_one_backend(scene)
        a.lead()
        assert b.acquire_leadership() is None
        for call in (b.check_leadership, b.relinquish_leadership):
            with pytest.raises(InvalidStateError):
                call()
        assert c.acquire_leadership() is None
        assert a.check_leadership() is not None

    def test_one_of_many_of_one_backend_leads(self, scene: Scene) -> None:
        """P1: Of candidates that share a backend, and ask in the same moment, at most one is elected."""
        backend = scene.backend(scene.lasting)
        with ThreadPoolExecutor(CROWD) as pool:
            for number in range(ROUNDS):
                lock_id = f"{scene.lock_id}/{number}"
                crowd = [scene.candidate(f"c{n}", lock_id=lock_id, backend=backend) for n in range(CROWD)]
                for _ in range(2):
                    elected_at_once(pool, crowd)
                list(pool.map(Candidate.close, crowd))

    def test_candidates_of_one_backend_hand_over(self, scene: Scene) -> None:
        """P1, P4: Of two that share a backend, one succeeds the other, with a greater token; each has its own claim."""
        a, b, c = _two_of_one_backend(scene)
        first = a.lead()
        b.acquire_leadership()
        assert a.relinquish_leadership() is True
        second = b.lead_soon()
        assert second.token > first.token
        for call in (a.check_leadership, a.relinquish_leadership):
            with pytest.raises(InvalidStateError):
                call()
        assert a.acquire_leadership() is None
        checked = b.check_leadership()
        assert checked is not None
        assert checked.token == second.token
        assert c.acquire_leadership() is None
        assert b.relinquish_leadership() is True

    @requires("expire")
    def test_candidates_of_one_backend_succeed_each_other(self, scene: Scene) -> None:
        """P1: A leader whose claim has ended is told so, though its successor shares its backend."""
        a, b, c = _two_of_one_backend(scene, scene.settings)
        a.lead()
        scene.expire()
        b.lead_soon()
        assert a.check_leadership() is None
        assert b.check_leadership() is not None
        assert c.acquire_leadership() is None

    @requires("observe")
    def test_candidates_of_one_backend_see_who_leads(self, scene: Scene) -> None:
        """P1: Who shares its backend with the leader sees that leader, and so does the leader its successor."""
        a, b, _ = _two_of_one_backend(scene)
        for leader, other in ((a, b), (b, a)):
            claim = leader.lead_soon()
            for watcher in (leader, other):
                record = watcher.observe_leadership()
                assert (record.candidate, record.token) == (leader.candidate, claim.token)
            leader.relinquish_leadership()

    def test_closing_one_of_a_backend_leaves_the_leader(self, scene: Scene) -> None:
        """P1: A follower that goes away takes nothing from the leader that shares its backend, nor from who waits."""
        a, b, c = _two_of_one_backend(scene)
        d = scene.candidate("d", backend=a.backend)
        a.lead()
        for waiting in (b, d, c):
            waiting.acquire_leadership()
        b.close()
        assert a.check_leadership() is not None
        assert c.acquire_leadership() is None
        a.close()
        elected = [candidate for _ in range(2) for candidate in (d, c) if candidate.acquire_leadership() is not None]
        assert elected
        assert len({candidate.candidate for candidate in elected}) == 1

    def test_candidate_that_was_closed_can_be_made_again(self, scene: Scene) -> None:
        """P7: A new elector of the same backend, with the same name and id, is as good as the first."""
        a = scene.candidate("a")
        a.lead()
        a.close()
        again = scene.namesake(a.candidate, backend=a.backend)
        again.lead()
        assert again.check_leadership() is not None

    def test_namesake_is_another_candidate(self, scene: Scene) -> None:
        """P1: A second elector with the id of the leader is not the leader: the id may have been copied."""
        a = scene.candidate("a", backend=scene.backend(scene.lasting))
        a.lead()
        for backend in (a.backend, scene.backend(scene.lasting)):
            namesake = scene.namesake(a.candidate, backend=backend)
            assert namesake.acquire_leadership() is None
            for call in (namesake.check_leadership, namesake.relinquish_leadership):
                with pytest.raises(InvalidStateError):
                    call()
            namesake.close()
            assert a.check_leadership() is not None

    @requires("expire")
    def test_namesake_that_succeeded_is_told_of(self, scene: Scene) -> None:
        """P1: A leader that was succeeded by a candidate with its own id is told so at its next check."""
        for a, successor in _succeeded_by_namesakes(scene):
            assert a.check_leadership() is None
            assert successor.check_leadership() is not None

    @requires("expire")
    def test_namesake_that_succeeded_is_left_by_relinquishing(self, scene: Scene) -> None:
        """P1: Relinquishing what was lost to a candidate with one's own id is False, and leaves its claim."""
        for a, successor in _succeeded_by_namesakes(scene):
            assert a.relinquish_leadership() is False
            assert successor.check_leadership() is not None

    @requires("expire")
    def test_namesake_that_succeeded_is_left_by_closing(self, scene: Scene) -> None:
        """P1: Closing what has lost its claim to a candidate with its own id leaves that claim."""
        for a, successor in _succeeded_by_namesakes(scene):
            a.close()
            assert successor.check_leadership() is not None

    @requires("push")
    def test_namesakes_tell_each_other(self, scene: Scene) -> None:
        """P7: A candidate that waits for one with its own id, or on its own backend, is told when that has gone."""
        a, b, _ = _two_of_one_backend(scene)
        waiting = [b, scene.namesake(a.candidate), scene.namesake(a.candidate, backend=a.backend)]
        a.lead()
        for candidate in waiting:
            candidate.acquire_leadership()
        lead_by_news(a, waiting, scene.earshot)


def _two_of_one_backend(
    scene: Scene, settings: BackendSettings | None = None
) -> tuple[Candidate, Candidate, Candidate]:
    """Return two candidates that share a backend, and one that does not."""
    ours, others = (scene.backend(settings or scene.lasting) for _ in range(2))
    return scene.candidate("a", backend=ours), scene.candidate("b", backend=ours), scene.candidate("c", backend=others)


def _succeeded_by_namesakes(scene: Scene) -> Iterator[tuple[Candidate, Candidate]]:
    """Yield leaders whose claims have ended, and who leads now: with the same id, on another backend, or the same."""
    elections = [f"{scene.lock_id}/{number}" for number in range(2)]
    leaders = [scene.candidate("a", lock_id=election) for election in elections]
    for leader in leaders:
        leader.lead()
    scene.expire(*elections)
    for leader, election, backend in zip(leaders, elections, (None, leaders[1].backend), strict=True):
        successor = scene.namesake(leader.candidate, lock_id=election, backend=backend)
        successor.lead_soon()
        yield leader, successor
