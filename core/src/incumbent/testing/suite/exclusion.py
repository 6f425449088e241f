"""One leader at a time, in each election."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from incumbent import Claim
from incumbent.testing.candidate import ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: Candidates that ask in the same moment, and how often: a gap between looking and claiming is hit by chance only.
CROWD, ROUNDS, SUCCESSIONS = 8, 20, 8
#: Seconds after which a slow store has been asked often enough, if it was so many times.
LONG_ENOUGH, FEWEST = 3.0, 4


class Exclusion:
    """At most one candidate leads."""

    def test_one_of_two_candidates_leads(self, scene: Scene) -> None:
        """P1: While one candidate leads, another asks in vain."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        assert b.acquire_leadership() is None

    def test_attempt_of_another_leaves_the_leader(self, scene: Scene) -> None:
        """P1: The attempt of another candidate does not end a term."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        assert a.check_leadership() is not None

    def test_one_of_many_at_once_leads(self, scene: Scene) -> None:
        """P1: Of candidates that ask in the same moment, at most one is elected; once they have asked again, one is."""
        backends = [scene.backend() for _ in range(CROWD)]
        end = time.monotonic() + LONG_ENOUGH
        with ThreadPoolExecutor(CROWD) as pool:
            for number in range(ROUNDS):
                lock_id = f"{scene.lock_id}/{number}"
                crowd = [scene.candidate(f"c{n}", lock_id=lock_id, backend=backends[n]) for n in range(CROWD)]
                for _ in range(2):
                    elected_at_once(pool, crowd)
                assert elected_at_once(pool, crowd), "nobody is elected, though nobody else has asked"
                list(pool.map(Candidate.close, crowd))
                if time.monotonic() > end and number >= FEWEST:
                    break

    @requires("expire")
    def test_one_of_many_succeeds_an_expired_leader(self, scene: Scene) -> None:
        """P1: Of candidates that see in the same moment that a claim has expired, at most one takes its place."""
        backends = [scene.backend() for _ in range(CROWD)]
        waiting: dict[str, list[Candidate]] = {}
        with ThreadPoolExecutor(CROWD) as pool:
            for number in range(SUCCESSIONS):
                lock_id = f"{scene.lock_id}/{number}"
                scene.candidate("a", lock_id=lock_id).lead()
                crowd = [scene.candidate(f"c{n}", lock_id=lock_id, backend=backends[n]) for n in range(CROWD)]
                waiting[lock_id] = crowd
                list(pool.map(Candidate.acquire_leadership, crowd))
            scene.expire(*waiting)
            for _ in ticks(scene.harness, scene.harness.patience):
                for lock_id, crowd in list(waiting.items()):
                    if elected_at_once(pool, crowd):
                        elected_at_once(pool, crowd)
                        del waiting[lock_id]
                if not waiting:
                    return
        raise AssertionError("nobody has succeeded the leader")

    def test_elector_knows_its_election(self, scene: Scene) -> None:
        """P1: An elector carries the name and the id that it was made for, and what its backend declares."""
        elector = scene.namesake("somebody").elector
        assert (elector.lock_id, elector.candidate) == (scene.lock_id, "somebody")
        assert elector.capabilities == scene.capabilities

    @requires("leader")
    def test_claim_is_in_the_store(self, scene: Scene) -> None:
        """P1: The store itself shows the leader and the token that the elector reports."""
        a = scene.candidate("a")
        claim = a.lead()
        record = scene.leader()
        assert (record.candidate, record.token) == (a.candidate, claim.token)

    @requires("interoperates", "tool")
    def test_other_tool_excludes_us(self, scene: Scene) -> None:
        """P1: While another project's tool leads, a candidate asks in vain; afterwards it is elected."""
        a = scene.candidate("a")
        assert scene.tool_acquires(), "the tool was not elected, though nobody leads"
        assert a.acquire_leadership() is None
        scene.tool_relinquishes()
        a.lead_soon()


def elected_at_once(pool: ThreadPoolExecutor, crowd: list[Candidate]) -> bool:
    """Let all of *crowd* try to be elected in the same moment; return whether one was, and more must not be."""
    ready = Barrier(len(crowd))

    def ask(candidate: Candidate) -> Claim | None:
        ready.wait()
        return candidate.acquire_leadership()

    elected = sum(claim is not None for claim in pool.map(ask, crowd))
    assert elected <= 1
    return elected == 1
