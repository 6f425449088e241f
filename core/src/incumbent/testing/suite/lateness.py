"""Answers that come after their call was given up, and requests that arrive late, or never."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from incumbent import BackendSettings, InvalidStateError
from incumbent.testing.candidate import ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .faults import seconds_of

#: How often is asked when a late answer may lie there.
QUESTIONS = 3


class Lateness:
    """A call that was given up is over: nothing that comes of it later is taken for something else."""

    @requires("freeze")
    def test_late_answer_is_not_taken_for_another(self, scene: Scene) -> None:
        """P1, P10: What a silent store answers when it goes on is not the answer to what is asked by then."""
        backend = scene.backend()
        a = scene.candidate("a", backend=backend)
        b = scene.candidate("b", lock_id=f"{scene.lock_id}/other", backend=backend)
        c = scene.candidate("c", lock_id=b.lock_id)
        first, other = a.lead(), c.lead()
        late: list[tuple[Callable[[], object], ...]] = [(a.check_leadership, b.acquire_leadership)]
        if scene.capabilities.observe:
            late.append((a.observe_leadership, b.observe_leadership))
        for calls in late:
            with scene.frozen(), ThreadPoolExecutor(len(calls)) as pool:
                list(pool.map(seconds_of, calls))
            for _ in range(QUESTIONS):
                c.after_outage(c.check_leadership)
                assert b.after_outage(b.acquire_leadership) is None, "it was given an answer that is not its own"
                renewed = a.after_outage(a.check_leadership)
                assert renewed is not None, "it was given an answer that is not its own"
                assert renewed.token == first.token
                if scene.capabilities.observe:
                    _assert_shown(a, a, first.token)
                    _assert_shown(b, c, other.token)

    @requires("freeze", "expire")
    def test_late_answer_is_not_that_of_the_next_time(self, scene: Scene) -> None:
        """P1, P10: Nor is it the answer to the same question, when that is asked again and something else is true."""
        lost, freed, shown = (f"{scene.lock_id}/{name}" for name in ("lost", "freed", "shown"))
        a, b = scene.candidate("a", lock_id=lost), scene.candidate("b", lock_id=lost)
        c, d = scene.candidate("c", lock_id=freed), scene.candidate("d", lock_id=freed)
        e, watcher = scene.candidate("e", lock_id=shown), scene.candidate("watcher", lock_id=shown)
        calls: list[Callable[[], object]] = [a.check_leadership, d.acquire_leadership]
        for leader in (a, c, e):
            leader.lead()
        d.acquire_leadership()
        if scene.capabilities.observe:
            watcher.observe_leadership()
            calls.append(watcher.observe_leadership)
        with scene.frozen(), ThreadPoolExecutor(len(calls)) as pool:
            list(pool.map(seconds_of, calls))
        scene.expire(lost)
        b.lead_soon()
        for leader in (c, e):
            leader.after_outage(leader.relinquish_leadership)
        assert a.after_outage(a.check_leadership) is None, "it was given the answer of the last time"
        assert d.after_outage(d.acquire_leadership) is not None, "it was given the answer of the last time"
        if scene.capabilities.observe:
            record = watcher.after_outage(watcher.observe_leadership)
            assert record.candidate != e.candidate, "it was given the answer of the last time"

    @requires("relay")
    def test_late_release_meets_no_later_term(self, scene: Scene) -> None:
        """P1: What was sent to give up one term, and arrives in the next one of the same elector, does not end that."""
        relay = scene.relay()
        a = scene.candidate("a", backend=scene.backend(_lasting(scene), relay=relay))
        a.lead()
        with relay.broken("what was sent on open connections is held back", lambda proxy: proxy.stall()):
            seconds_of(a.relinquish_leadership)
            with suppress(InvalidStateError):  # it may have gone on a new connection
                a.after_outage(a.relinquish_leadership)
            a.lead_soon()
        b = scene.candidate("b")
        for _ in ticks(scene.harness, scene.settings.ttl / 4):
            assert a.check_leadership() is not None, "what was sent in its last term has ended this one"
            assert b.acquire_leadership() is None

    @requires("relay")
    def test_relinquishing_that_was_lost_is_repeated(self, scene: Scene) -> None:
        """P7: A claim whose relinquishing never arrived is given up when it is relinquished again."""
        relay, settings = scene.relay(), _lasting(scene)
        a, b = scene.candidate("a", backend=scene.backend(settings, relay=relay)), scene.candidate("b")
        a.lead()
        with relay.broken("what is sent is lost", lambda proxy: proxy.freeze("to server")) as proxy:
            seconds_of(a.relinquish_leadership)
            proxy.reset()
        a.after_outage(a.relinquish_leadership)
        assert b.wait_until_elected(scene.settings.ttl) is not None, "the claim is still there"

    @requires("relay")
    def test_attempt_that_was_lost_is_repeated(self, scene: Scene) -> None:
        """P1: An attempt that never arrived has left no claim: the next one makes it, or is refused."""
        relay, settings = scene.relay(), _lasting(scene)
        a = scene.candidate("a", backend=scene.backend(settings, relay=relay))
        b = scene.candidate("b", backend=scene.backend(scene.lasting))
        for other_leads in (False, True):
            with relay.broken("what is sent is lost", lambda proxy: proxy.freeze("to server")) as proxy:
                seconds_of(a.acquire_leadership)
                proxy.reset()
            if other_leads:
                b.lead()
                assert a.after_outage(a.acquire_leadership) is None, "it takes its lost attempt for a claim"
            else:
                assert a.after_outage(a.acquire_leadership) is not None
                assert b.acquire_leadership() is None, "it takes its lost attempt for a claim"
                a.relinquish_leadership()


def _lasting(scene: Scene) -> BackendSettings:
    """Return settings for claims that last, and calls that are soon given up."""
    return replace(scene.lasting, request_timeout=scene.settings.request_timeout)


def _assert_shown(observer: Candidate, leader: Candidate, token: int) -> None:
    record = observer.after_outage(observer.observe_leadership)
    shown = (record.lock_id, record.candidate, record.token)
    assert shown == (leader.lock_id, leader.candidate, token), "it was given an answer that is not its own"
