"""How long a claim is kept, and from which moment that is counted."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from incumbent import BackendUnavailableError, Claim
from incumbent.testing.bounded import bounded
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .faults import be_connected, seconds_of

#: A clock may run 1 % slower than the store's (P1).
RATE = 0.99
#: An elector that reads the clock more often than this in one call is not understood.
MOST_READINGS = 10


class Deadline:
    """The claim is kept from *sent* on for as long as *guarantee* says."""

    def test_claim_says_from_when_and_how_long(self, scene: Scene) -> None:
        """P2: *sent* lies in the call that acquired, on the clock that was given, and *guarantee* is positive."""
        a = scene.candidate("a")
        before = scene.harness.clock()
        claim = a.lead()
        assert before <= claim.sent <= scene.harness.clock()
        assert claim.guarantee > 0

    def test_renewal_says_from_when_and_how_long(self, scene: Scene) -> None:
        """P2: *sent* of a renewed claim lies in the call that renewed it, and *guarantee* is positive."""
        a = scene.candidate("a")
        a.lead()
        scene.advance(scene.settings.ttl / 20)
        before = scene.harness.clock()
        claim = a.check_leadership()
        assert claim is not None
        assert before <= claim.sent <= scene.harness.clock()
        assert claim.guarantee > 0

    @requires("leader")
    def test_claim_is_counted_from_before_the_request(self, scene: Scene) -> None:
        """P2: When the clock was read for *sent*, the store did not know the claim yet, or has renewed it since."""
        probe = _ProbedClock(scene, lambda _: scene.leader().candidate)
        a = probe.candidate(scene.lock_id)
        with probe:
            claim = a.lead()
        if probe.seen.get(claim.sent) is not None:  # then it counts whether a request has come after the reading
            lock_id = f"{scene.lock_id}/late"
            assert_kept(scene, _led_on_a_late_clock(scene, lock_id), lock_id, "the clock was read after the answer: ")

    @requires("freeze")
    def test_renewal_is_counted_from_before_the_request(self, scene: Scene) -> None:
        """P2: A store that stops answering at the moment of *sent* cannot have renewed the claim."""
        for last in range(1, MOST_READINGS):
            readings: list[float] = []

            def freeze_at_the_last(reading: float, last: int = last, readings: list[float] = readings) -> None:
                readings.append(reading)
                if len(readings) == last:
                    scene.freeze()

            probe = _ProbedClock(scene, freeze_at_the_last)
            a = probe.candidate(f"{scene.lock_id}/{last}")
            a.lead()
            with probe:
                claim = _renewed(a)
            if len(readings) < last:
                return
            scene.thaw()
            assert claim is None or claim.sent < readings[-1], "the clock was read when the store had answered"

    def test_claim_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: Nobody is elected before *sent* + *guarantee*, however silent the leader is."""
        a = scene.candidate("a")
        assert_kept(scene, a.lead())

    def test_renewed_claim_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: After a renewal too, nobody is elected before *sent* + *guarantee*."""
        a = scene.candidate("a")
        a.lead()
        scene.advance(scene.settings.ttl / 2)
        claim = a.check_leadership()
        assert claim is not None
        assert_kept(scene, claim)

    def test_claim_acquired_again_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: What acquiring as the leader returns is kept too: *sent* does not move if nothing is renewed."""
        a = scene.candidate("a")
        a.lead()
        scene.advance(scene.settings.ttl / 2)
        assert_kept(scene, a.lead())

    @requires("freeze")
    def test_recognised_claim_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: The claim that an unanswered attempt left is renewed when it is recognised, or dated back."""
        a = scene.candidate("a")
        be_connected(scene, a)
        with scene.frozen():
            seconds_of(a.acquire_leadership)
        scene.advance(scene.settings.ttl / 2)
        claim = a.after_outage(a.acquire_leadership)
        assert claim is not None
        assert_kept(scene, claim)


def assert_kept(scene: Scene, claim: Claim, lock_id: str | None = None, why: str = "") -> None:
    """Check that another candidate asks in vain until the guarantee of *claim* has passed."""
    b = scene.candidate("b", lock_id=lock_id)
    seconds = 2 * scene.settings.ttl if math.isinf(claim.guarantee) else scene.harness.patience
    if b.wait_until_elected(seconds) is not None:
        kept = scene.harness.clock() - claim.sent
        assert kept >= RATE * claim.guarantee, f"{why}kept for {kept:g} s, guaranteed for {claim.guarantee:g} s"


def _led_on_a_late_clock(scene: Scene, lock_id: str) -> Claim:
    """Return the claim of who is late each time that it reads the clock: less is left of what it was granted before."""
    is_late = threading.Event()

    def read() -> float:
        if is_late.is_set():
            scene.harness.advance(scene.settings.ttl / 8)
        return scene.harness.clock()

    a = scene.candidate("a", lock_id=lock_id, backend=scene.backend(replace(scene.settings, clock=read)))
    is_late.set()
    claim = a.lead()
    is_late.clear()
    return claim


class _ProbedClock:
    """The harness's clock, never saying the same twice; inside its block, *act* is called at each reading."""

    def __init__(self, scene: Scene, act: Callable[[float], str | None]) -> None:
        #: What *act* answered at each reading.
        self.seen: dict[float, str | None] = {}
        self._scene = scene
        self._act = act
        self._count = 0
        self._armed = False
        self._turn = threading.Lock()
        self._acting: int | None = None

    def __enter__(self) -> None:
        self._armed = True

    def __exit__(self, *_: object) -> None:
        with self._turn:  # what *act* does is done: nothing is frozen after the block
            self._armed = False

    def candidate(self, lock_id: str) -> Candidate:
        """Make a candidate that reads this clock."""
        backend = self._scene.backend(replace(self._scene.settings, clock=self._read))
        return self._scene.candidate(lock_id=lock_id, backend=backend)

    def _read(self) -> float:
        if threading.get_ident() == self._acting:  # what *act* does may read the clock too
            return self._now()
        with self._turn:  # and who else does, a watch for example, does so before or after it
            reading = self._now()
            if self._armed:
                # An embedded store may be read and changed in one step: then *act* must wait, and nothing is seen.
                with suppress(TimeoutError):
                    limit = self._scene.harness.slack / 2
                    self.seen[reading] = bounded(limit, lambda: self._do(reading), "the harness")
            return reading

    def _now(self) -> float:
        self._count += 1
        return self._scene.harness.clock() + self._count * 1e-6

    def _do(self, reading: float) -> str | None:
        self._acting = threading.get_ident()
        try:
            return self._act(reading)
        finally:
            self._acting = None


def _renewed(candidate: Candidate) -> Claim | None:
    try:
        return candidate.check_leadership()
    except BackendUnavailableError:
        return None
