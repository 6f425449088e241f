"""Calls that end in time, however the store fails: silent, dead, gone, slow, or dripping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from incumbent import Backend, BackendSettings, ElectionError
from incumbent.testing.bounded import HangError
from incumbent.testing.proxy import FaultProxy
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: How often a call may be late: what is late every time is not so because the machine is busy.
TRIES = 3
#: Calls at once that must not wait for each other.
CROWD = 8
#: The least timeout, seconds, with which two are told from one, though the machine may be busy.
DISTINCT = 0.8


class Bounds:
    """A call takes no longer than one request may: no timeout, try or turn adds to another."""

    @requires("freeze")
    def test_timeouts_do_not_add_up(self, scene: Scene) -> None:
        """P10, Rule 1: No call, closing included, takes longer than one request may when the store is silent."""
        _assert_bounded(scene, lambda: scene.backend(_settings(scene)), scene.frozen)

    @requires("kill")
    def test_calls_to_a_dead_store_end_in_time(self, scene: Scene) -> None:
        """P10, P8: No call takes longer when the store is dead, and no closing fails because of it."""

        @contextmanager
        def dead() -> Iterator[None]:
            scene.kill()
            yield
            scene.restart()

        _assert_bounded(scene, lambda: scene.backend(_settings(scene)), dead)

    @requires("relay")
    def test_dripping_store_does_not_prolong_a_call(self, scene: Scene) -> None:
        """P10, Rule 1: Nor when its answers come byte by byte: each read ends in time, and the call does not."""

        def drip(proxy: FaultProxy) -> None:
            proxy.delay(_settings(scene).request_timeout / 10, "to client")
            proxy.trickle(1, "to client")

        _assert_bounded_behind_a_relay(scene, "answers drip", drip, is_silent=False)

    @requires("relay")
    def test_answers_at_the_last_moment_do_not_add_up(self, scene: Scene) -> None:
        """P10, Rule 1: Nor when each answer comes just in time: greeting, asking and asking again are one call."""
        late = 0.95 * _settings(scene).request_timeout
        _assert_bounded_behind_a_relay(
            scene, "answers are slow", lambda proxy: proxy.delay(late, "to client"), is_silent=False
        )

    @requires("relay")
    def test_vanished_store_does_not_prolong_a_call(self, scene: Scene) -> None:
        """P10, Rule 1: Nor when its host is gone: nobody accepts a connection, and nobody refuses it."""

        def vanish(proxy: FaultProxy) -> None:
            proxy.vanish()
            proxy.reset()  # all connect anew, watches too

        _assert_bounded_behind_a_relay(scene, "the host is gone", vanish)

    @requires("freeze")
    def test_calls_at_once_in_a_freeze_end_in_time(self, scene: Scene) -> None:
        """P10, Rule 3: Electors of one backend wait for a silent store side by side, not one behind the other."""
        backend = scene.backend(_settings(scene))
        elections = [f"{scene.lock_id}/{number}" for number in range(CROWD)]
        leaders, followers = (
            [scene.candidate(name, lock_id=election, backend=backend) for election in elections] for name in "ab"
        )
        for leader, follower in zip(leaders, followers, strict=True):
            leader.lead_soon()
            follower.acquire_leadership()
        limit = _limit(scene)
        with scene.frozen(), ThreadPoolExecutor(CROWD) as pool:
            for calls in (
                [leader.check_leadership for leader in leaders],
                [follower.acquire_leadership for follower in followers],
            ):
                asked = [[call] for call in calls]
                is_quick = any(max(pool.map(_made, asked))[0] < limit for _ in range(TRIES))
                assert is_quick, f"of {CROWD} calls at once the last has not returned after {limit:g} s"

    @requires("freeze")
    def test_closing_during_a_call_ends_in_time(self, scene: Scene) -> None:
        """P10, Rule 3: An elector closes in time, without an error, while another thread is in a call that hangs."""
        late: set[str] = {"close()", "Backend.close()"}
        for _ in range(TRIES):
            backend = scene.backend(_settings(scene))
            a, b = scene.candidate("a"), scene.candidate("b", backend=backend)
            a.lead_soon()
            b.acquire_leadership()
            with scene.frozen(), ThreadPoolExecutor(1) as pool:
                hanging = pool.submit(b.acquire_leadership)
                wait([hanging], _settings(scene).request_timeout / 10)  # it has begun
                for name, close in (("close()", b.close), ("Backend.close()", b.close_backend)):
                    if _made([close])[0] < _limit(scene):
                        late.discard(name)
                hanging.exception()
            if not late:
                return
        raise AssertionError(f"{' and '.join(sorted(late))}: more than {_limit(scene):g} s, while a call hangs")


def _settings(scene: Scene) -> BackendSettings:
    return scene.patient(max(DISTINCT, scene.settings.request_timeout))


def _limit(scene: Scene) -> float:
    """Return the seconds after which a call is late: it has its timeout for all that it asks, and a machine is busy."""
    return 1.5 * _settings(scene).request_timeout + 0.25


def _assert_bounded_behind_a_relay(
    scene: Scene, how: str, fault: Callable[[FaultProxy], object], *, is_silent: bool = True
) -> None:
    relay = scene.relay()
    backend = partial(scene.backend, _settings(scene), relay=relay)
    _assert_bounded(scene, backend, lambda: relay.broken(how, fault), is_silent=is_silent)


def _assert_bounded(
    scene: Scene,
    backend: Callable[[], Backend],
    outage: Callable[[], AbstractContextManager[object]],
    *,
    is_silent: bool = True,
) -> None:
    """Check that no call is late in an *outage*, every time; nor answered by itself, if the store *is_silent*."""
    late: dict[str, float] | None = None
    for number in range(TRIES):
        calls = _Cast(scene, f"{scene.lock_id}/{number}", backend).calls
        with outage(), ThreadPoolExecutor(len(calls)) as pool:
            made = dict(zip(calls, pool.map(_made, calls.values()), strict=True))
        answered = [name for name, (_, is_answered) in made.items() if is_answered and "closing" not in name]
        assert not (is_silent and answered), f"{', '.join(answered)}: answered though nobody was there to ask"
        found = {name: longest for name, (longest, _) in made.items() if longest >= _limit(scene)}
        late = found if late is None else {name: found[name] for name in found.keys() & late.keys()}
        if not late:
            return
    told = ", ".join(f"{name} takes {longest:.2f} s" for name, longest in sorted((late or {}).items()))
    raise AssertionError(f"{told}: all that a call asks for may take {_settings(scene).request_timeout:g} s")


class _Cast:
    """Candidates on backends of their own, each in an election of its own, and what is to be called of each in turn."""

    def __init__(self, scene: Scene, prefix: str, backend: Callable[[], Backend]) -> None:
        self._scene = scene
        self._prefix = prefix
        self._backend = backend
        self._direct = scene.backend()
        a, b, c, d, e, f = self._together(
            self._leader, self._leader, self._leader, self._follower, self._follower, self._newcomer
        )
        self.calls: dict[str, Sequence[Callable[[], object]]] = {
            # The second time there may be no connection any more.
            "check_leadership()": 2 * [a.check_leadership],
            "relinquish_leadership()": 2 * [b.relinquish_leadership],
            "acquire_leadership() of a follower": 2 * [d.acquire_leadership],
            "acquire_leadership() of a newcomer": 2 * [f.acquire_leadership],
            "closing a leader, or its backend,": [c.close, c.close_backend],
            # After a call that has lost its connection.
            "closing a follower, or its backend,": [e.acquire_leadership, e.close, e.close_backend],
        }
        if scene.capabilities.observe:
            (g,) = self._together(self._watcher)
            self.calls["observe_leadership()"] = 2 * [g.observe_leadership]

    def _together(self, *makers: Callable[[str], Candidate]) -> list[Candidate]:
        with ThreadPoolExecutor(len(makers)) as pool:  # a store may be slow
            made = [pool.submit(make, f"{self._prefix}/{make.__name__}{n}") for n, make in enumerate(makers)]
            return [future.result() for future in made]

    def _newcomer(self, election: str) -> Candidate:
        return self._scene.candidate("b", lock_id=election, backend=self._backend())

    def _leader(self, election: str) -> Candidate:
        leader = self._newcomer(election)
        leader.lead_soon()
        return leader

    def _follower(self, election: str) -> Candidate:
        self._scene.candidate("a", lock_id=election, backend=self._direct).lead_soon()
        follower = self._newcomer(election)
        follower.after_outage(follower.acquire_leadership)
        return follower

    def _watcher(self, election: str) -> Candidate:
        watcher = self._newcomer(election)
        watcher.after_outage(watcher.observe_leadership)
        return watcher


def _made(calls: Iterable[Callable[[], object]]) -> tuple[float, bool]:
    """Make *calls* one after the other; return how long the longest took, seconds, and whether the last returned."""
    longest, has_returned = 0.0, False
    for call in calls:
        began, has_returned = time.monotonic(), False
        try:
            call()
            has_returned = True
        except HangError:
            return math.inf, False
        except ElectionError:
            pass  # what it is to raise is another test's business; closing raises nothing
        longest = max(longest, time.monotonic() - began)
    return longest, has_returned
