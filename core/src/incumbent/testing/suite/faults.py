"""A store that does not answer: calls end in time, and what they left behind is understood afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from incumbent import BackendRejectedError, BackendUnavailableError
from incumbent.testing.candidate import ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene


def assert_unavailable(call: Callable[[], object]) -> None:
    """Check that *call* reports an unknown outcome, in one line."""
    with pytest.raises(BackendUnavailableError) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


class Faults:
    """An outage is an exception, in time, and is never mistaken for an answer."""

    @requires("freeze")
    def test_acquiring_in_a_freeze_is_unknown(self, scene: Scene) -> None:
        """P10: An attempt ends in time, and its outcome is reported as unknown, when the store is frozen."""
        a = scene.candidate("a")
        a.lead()
        a.relinquish_leadership()
        with scene.frozen():
            assert_unavailable(a.acquire_leadership)

    @requires("freeze")
    def test_checking_in_a_freeze_is_unknown(self, scene: Scene) -> None:
        """P10: A check ends in time, and its outcome is reported as unknown, when the store is frozen."""
        a = scene.candidate("a")
        a.lead()
        with scene.frozen():
            assert_unavailable(a.check_leadership)

    @requires("freeze")
    def test_relinquishing_in_a_freeze_is_unknown(self, scene: Scene) -> None:
        """P10: Relinquishing ends in time, and its outcome is reported as unknown, when the store is frozen."""
        a = scene.candidate("a")
        a.lead()
        with scene.frozen():
            assert_unavailable(a.relinquish_leadership)

    @requires("freeze", "observe")
    def test_observing_in_a_freeze_is_unknown(self, scene: Scene) -> None:
        """P10: Observing ends in time, and says that nothing is known, when the store is frozen."""
        watcher = scene.candidate("watcher")
        watcher.observe_leadership()
        with scene.frozen():
            assert_unavailable(watcher.observe_leadership)

    @requires("freeze")
    def test_closing_in_a_freeze_ends_in_time(self, scene: Scene) -> None:
        """P8, P10: A leader's elector and its backend close in time, and without an error, when the store is frozen."""
        a = scene.candidate("a")
        a.lead()
        with scene.frozen():
            a.close()
            a.close_backend()

    @requires("freeze")
    def test_elector_can_be_made_during_an_outage(self, scene: Scene) -> None:
        """P7, Rule 4: Making a backend and an elector needs no store; the first call says that it is away."""
        with scene.frozen():
            assert_unavailable(scene.candidate("a").acquire_leadership)

    @requires("freeze")
    def test_claim_outlives_a_short_freeze(self, scene: Scene) -> None:
        """P7: A claim whose check had no answer is still regarded as held, and is renewed by the next one."""
        a = scene.candidate("a")
        first = a.lead()
        with scene.frozen():
            assert_unavailable(a.check_leadership)
        renewed = a.after_outage(a.check_leadership)
        assert renewed is not None
        assert renewed.token == first.token

    @requires("freeze")
    def test_claim_of_an_unanswered_attempt_is_recognised(self, scene: Scene) -> None:
        """P7: When an attempt had no answer, the next one is not refused because of the claim that it left."""
        a = scene.candidate("a")
        be_connected(scene, a)
        with scene.frozen():
            assert_unavailable(a.acquire_leadership)
        assert a.after_outage(a.acquire_leadership) is not None

    @requires("freeze")
    def test_unanswered_relinquishing_can_be_repeated(self, scene: Scene) -> None:
        """P7: A claim whose relinquishing had no answer is still regarded as held, and can be relinquished."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        with scene.frozen():
            assert_unavailable(a.relinquish_leadership)
        assert a.after_outage(a.relinquish_leadership) in {True, False}
        b.lead_soon()

    @requires("freeze")
    def test_closing_drops_what_an_unanswered_attempt_left(self, scene: Scene) -> None:
        """P8: The claim of an attempt that had no answer does not outlive its elector."""
        a, b = scene.candidate("a"), scene.candidate("b")
        be_connected(scene, a)
        with scene.frozen():
            assert_unavailable(a.acquire_leadership)
        a.close()
        assert b.wait_until_elected(scene.settings.ttl / 2) is not None

    @requires("freeze")
    def test_what_arrives_after_closing_ends_by_itself(self, scene: Scene) -> None:
        """P7: A claim that is granted when its elector has been closed is nobody's, and is not renewed for ever."""
        backend = scene.backend()
        a, b = scene.candidate("a", backend=backend), scene.candidate("b")
        elsewhere = be_connected(scene, a)
        with scene.frozen():
            for call in (a.acquire_leadership, a.close):
                seconds_of(call)
        for _ in ticks(scene.harness, scene.harness.patience):
            with suppress(BackendUnavailableError):
                elsewhere.check_leadership()  # the backend lives on
                if b.acquire_leadership() is not None:
                    return
        raise AssertionError("b is never elected")

    @requires("rejected_url")
    def test_rejection_is_permanent(self, scene: Scene) -> None:
        """Rule 2: What the store refuses for good is BackendRejectedError, in one line."""
        backend = scene.harness.backend(scene.settings, scene.harness.rejected_url())
        a = scene.candidate("a", backend=backend)
        with pytest.raises(BackendRejectedError) as caught:
            a.acquire_leadership()
        assert len(str(caught.value).splitlines()) == 1


def be_connected(scene: Scene, candidate: Candidate) -> Candidate:
    """
    Have a connection that is ready: on a new one many clients wait for a greeting, and never send the attempt.

    Return who leads elsewhere on it.
    """
    elsewhere = scene.candidate("elsewhere", lock_id=f"{scene.lock_id}/elsewhere", backend=candidate.backend)
    elsewhere.lead()
    return elsewhere


def seconds_of(call: Callable[[], object]) -> float:
    """Return how long *call* takes in an outage; what it raises is another test's business."""
    began = time.monotonic()
    with suppress(Exception):
        call()
    return time.monotonic() - began
