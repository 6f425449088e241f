"""What ends a term whose process has died: this term, and nothing else."""

from __future__ import annotations

import string

from incumbent import Address
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .faults import assert_unavailable

#: How long a testament may be, and what may be in it: it is passed on as a word.
LONGEST = 1000
PRINTABLE = set(string.printable) - set(string.whitespace)


class Testaments:
    """A testament is executed by somebody else: each executor has a backend of its own, as in another process."""

    @requires("testament")
    def test_testament_ends_its_term_at_once(self, scene: Scene) -> None:
        """P11: When a testament is executed, the next attempt of who waited succeeds, however long the ttl is."""
        a, b, executor = _candidates(scene, "a", "b", "executor")
        claim = a.lead()
        b.acquire_leadership()
        assert executor.execute(claim.testament) is True
        b.lead()

    @requires("testament")
    def test_testament_of_a_renewed_claim_ends_its_term(self, scene: Scene) -> None:
        """P11: So it is when the claim has been renewed, and with the testament that came with the last renewal."""
        a, b, executor = _candidates(scene, "a", "b", "executor")
        a.lead()
        a.check_leadership()
        renewed = a.check_leadership()
        assert renewed is not None
        assert executor.execute(renewed.testament) is True
        b.lead()

    @requires("testament", "outsider")
    def test_testament_of_a_killed_leader_ends_its_term(self, scene: Scene) -> None:
        """P11: So it is when the leader is dead: nothing is asked of it, nor of its process."""
        a = scene.candidate("a")
        with scene.outsider() as outsider:
            assert outsider.claim is not None
            outsider.kill()
            assert a.execute(outsider.claim.testament) is True
        a.lead()

    @requires("testament")
    def test_late_testament_leaves_the_successor(self, scene: Scene) -> None:
        """P11: Executed after another candidate was elected, a testament ends nothing, and says so."""
        a, b, c, executor = _candidates(scene, "a", "b", "c", "executor")
        claim = a.lead()
        a.relinquish_leadership()
        b.lead()
        assert executor.execute(claim.testament) is False
        assert b.check_leadership() is not None
        assert c.acquire_leadership() is None

    @requires("testament")
    def test_late_testament_leaves_the_next_term_of_its_candidate(self, scene: Scene) -> None:
        """P11: Nor does it end a later term of the candidate that has left it."""
        a, c, executor = _candidates(scene, "a", "c", "executor")
        claim = a.lead()
        a.relinquish_leadership()
        a.lead()
        assert executor.execute(claim.testament) is False
        assert a.check_leadership() is not None
        assert c.acquire_leadership() is None

    @requires("testament")
    def test_testament_is_executed_once(self, scene: Scene) -> None:
        """P11: Executed again, before and after another candidate was elected, it ends nothing, and says so."""
        a, b, executor = _candidates(scene, "a", "b", "executor")
        claim = a.lead()
        assert executor.execute(claim.testament) is True
        assert executor.execute(claim.testament) is False
        b.lead()
        assert executor.execute(claim.testament) is False
        assert b.check_leadership() is not None

    @requires("testament")
    def test_testament_leaves_the_others_of_its_backend(self, scene: Scene) -> None:
        """P11: It ends the term in one election, whatever else the process led, and on the same connection."""
        backend = scene.backend(scene.lasting)
        a = scene.candidate("a", backend=backend)
        b = scene.candidate("b", backend=backend, lock_id=f"{scene.lock_id}/other")
        claim, _ = a.lead(), b.lead()
        assert scene.candidate("executor").execute(claim.testament) is True
        assert b.check_leadership() is not None

    @requires("testament")
    def test_leader_is_told_of_its_testament(self, scene: Scene) -> None:
        """P1: A leader that lives after all learns that its claim is gone, as of any deletion."""
        a, executor = _candidates(scene, "a", "executor")
        claim = a.lead()
        a.forget_news()
        executor.execute(claim.testament)
        assert not scene.capabilities.push or a.hears_news()
        assert a.check_leadership() is None

    @requires("testament")
    def test_testament_is_a_short_word(self, scene: Scene) -> None:
        """Contract: A testament is printable ASCII without blanks, of 1,000 characters at most, with no password."""
        a = scene.candidate("a")
        password = Address.parse(scene.harness.url).password
        for claim in (a.lead(), a.check_leadership()):
            assert claim is not None
            assert isinstance(claim.testament, str)
            assert 0 < len(claim.testament) <= LONGEST
            assert set(claim.testament) <= PRINTABLE
            assert password is None or password.reveal() not in claim.testament

    @requires("testament")
    def test_strange_testament_ends_nothing(self, scene: Scene) -> None:
        """P11: A text that no elector has left ends nothing, and says so."""
        a, executor = _candidates(scene, "a", "executor")
        claim = a.lead()
        strange = ("", "0", "*", "%", "/", "-", claim.testament[:-1], claim.testament + "0", "\u00e4", str(claim.token))
        ended = [text for text in strange if text != claim.testament and executor.execute(text) is not False]
        assert ended == []
        assert a.check_leadership() is not None

    @requires("testament", "freeze")
    def test_executing_in_a_freeze_is_unknown(self, scene: Scene) -> None:
        """P10: Executing ends in time, and says that nothing is known, when the store is frozen."""
        a, executor = scene.candidate("a"), scene.candidate("executor")
        claim = a.lead()
        executor.execute("unused")
        with scene.frozen():
            assert_unavailable(lambda: executor.execute(claim.testament))


def _candidates(scene: Scene, *names: str) -> list[Candidate]:
    """Make candidates with a backend each, whose claims nobody means to end."""
    settings = scene.lasting
    return [scene.candidate(name, backend=scene.backend(settings)) for name in names]
