"""Candidates that are refused: they do not wait, keep no more than a place, and never believe that they have won."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

#: How often an attempt is made, of which one must be quick.
ATTEMPTS = 20
#: Requests, one after the other, that an attempt makes at most; and seconds of waiting that are seen.
MOST_REQUESTS, WAIT = 5, 0.05


class Waiting:
    """Being refused costs nothing."""

    def test_attempt_does_not_wait(self, scene: Scene) -> None:
        """P10, Rule 1: An attempt while another leads returns as soon as the store has answered."""
        a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c", lock_id=f"{scene.lock_id}/free")
        a.lead()
        verbs = (c.acquire_leadership, c.check_leadership, c.relinquish_leadership)
        answered = min([_duration(verb) for verb in verbs])
        soon = MOST_REQUESTS * answered + WAIT
        newcomers = [scene.candidate("b", backend=b.backend) for _ in range(ATTEMPTS)]
        for which, attempts in (
            ("the attempts", ATTEMPTS * [b.acquire_leadership]),
            ("the first attempts", [newcomer.acquire_leadership for newcomer in newcomers]),
        ):
            quickest = math.inf
            for attempt in attempts:  # one is enough: the machine may be busy
                quickest = min(quickest, _duration(attempt))
                assert a.check_leadership() is not None  # else an attempt would be quick because it wins
                if quickest < soon:
                    break
            assert quickest < soon, f"{which} take {quickest:.2f} s, where the store answers in {answered:.3f} s"

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


def _duration(call: Callable[[], object]) -> float:
    begin = time.monotonic()
    call()
    return time.monotonic() - begin
