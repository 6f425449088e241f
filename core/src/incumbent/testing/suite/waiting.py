"""Candidates that are refused: they do not wait, keep no more than a place, and never believe that they have won."""

from __future__ import annotations

import time

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class Waiting:
    """Being refused costs nothing."""

    def test_attempt_does_not_wait(self, scene: Scene) -> None:
        """P10, Rule 1: An attempt while another leads returns as soon as the store has answered."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        soon = scene.settings.request_timeout / 2
        quick = any(_duration(b.acquire_leadership) < soon for _ in range(10))  # the machine may be busy
        assert quick, "it seems to wait for the leader to go"

    @requires("delete")
    def test_who_waited_is_no_phantom(self, scene: Scene) -> None:
        """P5: A candidate that had asked in vain, and whose place was deleted, is not elected beside the new leader."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
        a.lead()
        b.acquire_leadership()
        scene.delete()
        c.lead_soon()
        assert b.acquire_leadership() is None

    def test_only_one_of_those_who_waited_is_elected(self, scene: Scene) -> None:
        """P5: When the leader has gone, one of the candidates that had asked in vain is elected, and only one."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
        a.lead()
        b.acquire_leadership()
        c.acquire_leadership()
        a.relinquish_leadership()
        for _ in range(2):
            elected = [candidate for candidate in (c, b) if candidate.acquire_leadership() is not None]
            assert len(elected) <= 1
        assert elected

    @requires("claims")
    def test_attempts_do_not_pile_up(self, scene: Scene) -> None:
        """P8: Asking in vain many times leaves no more in the store than asking once."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        before = scene.claims()
        assert before > 0, "the harness counts no claim while somebody leads"
        for _ in range(5):
            b.acquire_leadership()
        assert scene.claims() == before

    def test_who_left_does_not_stand_in_the_way(self, scene: Scene) -> None:
        """P8: A candidate that asked in vain and left does not keep its place before those who stay."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
        a.lead()
        b.acquire_leadership()
        c.acquire_leadership()
        b.close()
        a.relinquish_leadership()
        c.lead()

    @requires("claims")
    def test_closing_leaves_nothing_in_the_store(self, scene: Scene) -> None:
        """P8: When all candidates have left, the store keeps nothing for them."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        assert scene.claims() > 0, "the harness counts no claim while somebody leads"
        b.close()
        a.close()
        assert scene.claims() == 0


def _duration(call: object) -> float:
    assert callable(call)
    begin = time.monotonic()
    call()
    return time.monotonic() - begin
