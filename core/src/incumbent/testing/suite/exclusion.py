"""One leader at a time, in each election."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from incumbent import Claim, ConfigurationError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: Candidates that ask in the same moment, and how often: a gap between looking and claiming is hit by chance only.
CROWD, ROUNDS = 8, 20


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
        with ThreadPoolExecutor(CROWD) as pool:
            for number in range(ROUNDS):
                lock_id = f"{scene.lock_id}/{number}"
                crowd = [scene.candidate(f"c{n}", lock_id=lock_id, backend=backends[n]) for n in range(CROWD)]
                for _ in range(2):
                    ready = Barrier(CROWD)
                    claims = list(pool.map(lambda each, ready=ready: _asks_with(ready, each), crowd))
                    assert sum(claim is not None for claim in claims) <= 1
                assert sum(candidate.acquire_leadership() is not None for candidate in crowd) == 1
                for candidate in crowd:
                    candidate.close()

    def test_namesake_is_another_candidate(self, scene: Scene) -> None:
        """P1: A second elector with the id of the leader is not the leader: the id may have been copied."""
        a = scene.candidate("a")
        a.lead()
        assert scene.namesake(a.candidate).acquire_leadership() is None

    def test_elections_are_independent(self, scene: Scene) -> None:
        """P1: Names that look alike are different elections; one that the backend cannot keep apart is refused."""
        backend = scene.backend()
        endings = ("a", "a/b", "a.b", "a b", "a%2Fb", "a\\b", "A", "\u00e4", "a" * 200, "a" * 199 + "b", "a~", "a*")
        led = 0
        for ending in endings:
            try:
                candidate = scene.candidate(lock_id=f"{scene.lock_id}/{ending}", backend=backend)
            except ConfigurationError:
                continue
            candidate.lead()
            led += 1
        assert led >= 2, "hardly any name can be used"

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


def _asks_with(others: Barrier, candidate: Candidate) -> Claim | None:
    """Let *candidate* try to be elected when all *others* are about to."""
    others.wait()
    return candidate.acquire_leadership()
