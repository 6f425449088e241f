"""Who reads first and writes later: what was read may be wrong when the writing arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pytest

from incumbent import BackendSettings, BackendUnavailableError, Claim
from incumbent.testing.bounded import HARNESS_LIMIT
from incumbent.testing.pace import pace_of
from incumbent.testing.relay import Relay
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

T = TypeVar("T")

#: Requests of a call that are held back, each in a try of its own: a call of more is not understood.
MOST = 6
#: Seconds, and some calls' time, in which a call goes on that waits for nothing that is held back.
GRACE = 0.2


class Gaps:
    """A call of several requests is as good as one: whoever leads between two of them is seen, and left alone."""

    @requires("relay")
    def test_other_is_elected_during_an_attempt(self, scene: Scene) -> None:
        """P1: Who finds nobody, and is overtaken before it writes, is not elected, and ends nobody's claim."""
        for a, b, held in _held_back(scene):
            elected: list[Claim | None] = []
            claim = held(a.acquire_leadership, partial(_ask, b, elected), always=True)
            if elected[0] is not None:
                assert claim is None, "both are elected"
                assert b.check_leadership() is not None, "the attempt has ended the claim of who was elected meanwhile"

    @requires("relay", "expire")
    def test_other_is_elected_during_a_succession(self, scene: Scene) -> None:
        """P1: Who finds that a claim has expired, and is overtaken before it writes, takes nobody's place."""
        for a, b, held in _held_back(scene):
            c = scene.candidate("c", lock_id=b.elector.lock_id)
            c.lead()
            a.acquire_leadership()
            _expire(scene, c)
            elected: list[Claim | None] = []
            claim = held(a.acquire_leadership, partial(_ask, b, elected), always=True)
            if elected[0] is not None:
                assert claim is None, "both are elected"
                assert b.check_leadership() is not None, "the attempt has ended the claim of who was elected meanwhile"

    @requires("relay", "expire")
    def test_other_is_elected_while_the_leader_acquires(self, scene: Scene) -> None:
        """P1: So does who acquires while it leads: a claim that is lost before it is written is not taken back."""
        for a, b, held in _held_back(scene, scene.settings):
            a.lead()
            claim = held(a.acquire_leadership, partial(_succeed, scene, b))
            if held.has_held:
                assert b.check_leadership() is not None, "acquiring has ended the successor's claim"
                assert claim is None or held.was_over, "both lead"

    @requires("relay", "expire")
    def test_other_is_elected_during_a_renewal(self, scene: Scene) -> None:
        """P1: Who finds its claim, and loses it before it writes, is told so, and does not take it back."""
        for a, b, held in _held_back(scene, scene.settings):
            a.lead()
            claim = held(a.check_leadership, partial(_succeed, scene, b))
            if held.has_held:
                assert b.check_leadership() is not None, "the renewal has ended the successor's claim"
                assert claim is None or held.was_over, "the leader is not told of its successor"

    @requires("relay", "expire")
    def test_other_is_elected_during_relinquishing(self, scene: Scene) -> None:
        """P1: Who finds its claim, and loses it before it gives it up, leaves what the successor has."""
        for a, b, held in _held_back(scene, scene.settings):
            a.lead()
            held(a.relinquish_leadership, partial(_succeed, scene, b))
            assert not held.has_held or b.check_leadership() is not None, (
                "relinquishing has ended the successor's claim"
            )

    @requires("relay", "expire")
    def test_other_is_elected_during_closing(self, scene: Scene) -> None:
        """P1: Who closes, and loses its claim before it gives it up, leaves what the successor has."""
        for a, b, held in _held_back(scene, scene.settings):
            a.lead()
            held(a.close, partial(_succeed, scene, b))
            assert not held.has_held or b.check_leadership() is not None, "closing has ended the successor's claim"

    @requires("relay")
    def test_token_of_an_overtaken_attempt_grows(self, scene: Scene) -> None:
        """P4: Who is elected after another that overtook it has a greater token, and the next one a greater still."""
        for a, b, held in _held_back(scene):
            terms: list[Claim] = []
            claim = held(a.acquire_leadership, partial(_whole_term, b, terms), always=True)
            if claim is not None:
                tokens = [term.token for term in terms]
                assert all(claim.token > token for token in tokens), f"{claim.token} comes after {tokens}"
                terms.append(claim)
                a.relinquish_leadership()
            token = b.lead_soon().token
            assert all(token > term.token for term in terms), f"{token} comes after {[term.token for term in terms]}"

    @requires("relay", "push")
    def test_hand_over_during_an_attempt_is_told(self, scene: Scene) -> None:
        """P7: News of what happens between the reading and the waiting are not missed."""
        for a, b, held in _held_back(scene, connected=False):
            b.lead()
            claim = held(a.acquire_leadership, partial(_leave_unheard, b, a), always=True)
            assert claim is not None or a.hears_news(scene.earshot), (
                "it was refused, and is not told that the leader has gone"
            )


def _ask(candidate: Candidate, answers: list[Claim | None]) -> None:
    answers.append(candidate.acquire_leadership())


def _leave_unheard(leader: Candidate, waiting: Candidate) -> None:
    waiting.forget_news(at_once=True)  # what it is told from now on is what counts
    leader.relinquish_leadership()


def _whole_term(candidate: Candidate, terms: list[Claim]) -> None:
    claim = candidate.acquire_leadership()
    if claim is not None:
        terms.append(claim)
        candidate.relinquish_leadership()


def _succeed(scene: Scene, successor: Candidate) -> None:
    """End the leader's claim, and let another have it."""
    _expire(scene, successor)
    successor.lead_soon()


def _expire(scene: Scene, candidate: Candidate) -> None:
    if "expire" in scene.harness.cannot:
        pytest.skip(f"the harness cannot expire: {scene.harness.cannot['expire']}")
    scene.expire(candidate.elector.lock_id)


class _Hold:
    """Makes a call whose *number*-th request is held back while something happens."""

    def __init__(self, scene: Scene, relay: Relay, number: int) -> None:
        self._relay = relay
        self._number = number
        self._seconds = scene.harness.slack + scene.harness.request_timeout
        self._grace = GRACE + 3 * pace_of(scene.harness, scene.settings, scene.elsewhere).seconds
        #: Whether there were so many requests; whether the call waited for the last; and whether it was over all the
        #: same, before that went on.
        self.has_come = self.has_held = self.was_over = False

    def __call__(self, call: Callable[[], T], meanwhile: Callable[[], object], *, always: bool = False) -> T | None:
        """Return what *call* came to, or None if that is unknown; do the other thing if it is held up, or *always*."""
        came: list[threading.Event] = []
        with ThreadPoolExecutor(1) as pool:
            with self._relay.broken(
                f"holds back request {self._number}", lambda proxy: came.append(proxy.hold(self._number))
            ):
                calling = pool.submit(call)
                end = time.monotonic() + self._seconds
                while not (came[0].wait(0.01) or calling.done() or time.monotonic() > end):
                    pass
                wait([calling], self._grace)  # what was held back may be nothing that it waits for
                self.has_come, self.has_held = came[0].is_set(), not calling.done()
                if always or self.has_held:
                    meanwhile()
                self.was_over = calling.done()
            with suppress(BackendUnavailableError):
                return calling.result()
        return None


def _held_back(
    scene: Scene, settings: BackendSettings | None = None, *, connected: bool = True
) -> Iterator[tuple[Candidate, Candidate, _Hold]]:
    """
    Yield a candidate, one that leads meanwhile, and what holds back the first request; then the second, and so on.

    The first has *settings*: some stores wait for a ttl of the last leader's when its claim was ended.
    """
    relay = scene.relay()
    chosen = settings or scene.lasting
    patient = replace(chosen, request_timeout=0.9 * chosen.ttl)
    ours, others = scene.backend(patient, relay=relay), scene.backend(scene.lasting)
    if connected:
        scene.candidate("connected", lock_id=f"{scene.lock_id}/connected", backend=ours).lead_soon()
    for number in range(1, MOST + 1):
        lock_id = f"{scene.lock_id}/{number}"
        backend = ours if connected else scene.backend(patient, relay=relay)
        held = _Hold(scene, relay, number)
        a = scene.candidate("a", lock_id=lock_id, backend=backend)
        a.limit = HARNESS_LIMIT  # it is held up by us
        yield a, scene.candidate("b", lock_id=lock_id, backend=others), held
        if not held.has_come:
            return
