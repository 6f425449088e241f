"""One leader at a time, in each election."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from incumbent import Claim, ConfigurationError
from incumbent.testing.candidate import ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: Candidates that ask in the same moment, and how often: a gap between looking and claiming is hit by chance only.
CROWD, ROUNDS, SUCCESSIONS = 8, 20, 8


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
                    _elected_at_once(pool, crowd)
                assert sum(candidate.acquire_leadership() is not None for candidate in crowd) == 1
                for candidate in crowd:
                    candidate.close()

    @requires("expire")
    def test_one_of_many_succeeds_an_expired_leader(self, scene: Scene) -> None:
        """P1: Of candidates that see in the same moment that a claim has expired, at most one takes its place."""
        waiting: dict[str, list[Candidate]] = {}
        backends = [scene.backend() for _ in range(CROWD)]
        for number in range(SUCCESSIONS):
            lock_id = f"{scene.lock_id}/{number}"
            scene.candidate("a", lock_id=lock_id).lead()
            waiting[lock_id] = [scene.candidate(f"c{n}", lock_id=lock_id, backend=backends[n]) for n in range(CROWD)]
            for candidate in waiting[lock_id]:
                candidate.acquire_leadership()
        scene.expire(*waiting)
        with ThreadPoolExecutor(CROWD) as pool:
            for _ in ticks(scene.harness, scene.harness.patience):
                for lock_id, crowd in list(waiting.items()):
                    if _elected_at_once(pool, crowd):
                        _elected_at_once(pool, crowd)
                        del waiting[lock_id]
                if not waiting:
                    return
        raise AssertionError("nobody has succeeded the leader")

    def test_candidates_of_one_backend_exclude_each_other(self, scene: Scene) -> None:
        """P1: Of two candidates that share a backend, one leads: the connection is not who has the claim."""
        backend = scene.backend()
        a, b = scene.candidate("a", backend=backend), scene.candidate("b", backend=backend)
        a.lead()
        assert b.acquire_leadership() is None
        assert a.check_leadership() is not None

    def test_namesake_is_another_candidate(self, scene: Scene) -> None:
        """P1: A second elector with the id of the leader is not the leader: the id may have been copied."""
        a = scene.candidate("a")
        a.lead()
        assert scene.namesake(a.candidate).acquire_leadership() is None

    def test_elections_are_independent(self, scene: Scene) -> None:
        """P1: Names that look alike are different elections; one that the backend cannot keep apart is refused."""
        endings = ("a", "a/b", "a.b", "a b", "a%2Fb", "a\\b", "A", "\u00e4", "a" * 200, "a" * 199 + "b", "a~", "a*")
        led = 0
        for ending in endings:
            try:
                # Each with a connection of its own: a lock that is re-entrant would be granted to one twice.
                candidate = scene.candidate(lock_id=f"{scene.lock_id}/{ending}")
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

    @requires("observe")
    def test_id_is_shown_as_it_was_given(self, scene: Scene) -> None:
        """P1: A candidate's id comes back unchanged, whatever is in it; one that the backend cannot keep is refused."""
        for number, given in enumerate(("a/b", "a b", "a,b", "a%2Fb", "A\u00e9", "a:" + "b" * 200, "'a'", "{a}", "-a")):
            try:
                candidate = scene.namesake(given, lock_id=f"{scene.lock_id}/{number}")
            except ConfigurationError:
                continue
            candidate.lead()
            watcher = scene.candidate("watcher", lock_id=candidate.elector.lock_id)
            assert watcher.observe_leadership().candidate == given

    @requires("interoperates", "tool")
    def test_other_tool_excludes_us(self, scene: Scene) -> None:
        """P1: While another project's tool leads, a candidate asks in vain; afterwards it is elected."""
        a = scene.candidate("a")
        assert scene.tool_acquires(), "the tool was not elected, though nobody leads"
        assert a.acquire_leadership() is None
        scene.tool_relinquishes()
        a.lead_soon()


def _elected_at_once(pool: ThreadPoolExecutor, crowd: list[Candidate]) -> bool:
    """Let all of *crowd* try to be elected in the same moment; return whether one was, and more must not be."""
    ready = Barrier(len(crowd))

    def ask(candidate: Candidate) -> Claim | None:
        ready.wait()
        return candidate.acquire_leadership()

    elected = sum(claim is not None for claim in pool.map(ask, crowd))
    assert elected <= 1
    return elected == 1
