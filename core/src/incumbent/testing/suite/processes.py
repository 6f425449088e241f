"""Candidates in other processes."""

from __future__ import annotations

import os
import selectors
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from incumbent import InvalidStateError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene


class Processes:
    """What one process does, and how it ends, is seen by the others."""

    @requires("outsider")
    def test_leader_in_another_process_excludes_us(self, scene: Scene) -> None:
        """P1: While a candidate in another process leads, one in this process asks in vain."""
        a = scene.candidate("a")
        with scene.outsider() as outsider:
            assert outsider.claim is not None
            assert a.acquire_leadership() is None

    @requires("outsider")
    def test_leader_excludes_another_process(self, scene: Scene) -> None:
        """P1: While a candidate in this process leads, one in another process asks in vain."""
        a = scene.candidate("a")
        a.lead()
        with scene.outsider(leader=a) as outsider:
            assert outsider.claim is None

    @requires("outsider")
    def test_killed_leader_is_succeeded(self, scene: Scene) -> None:
        """P4, P7: A leader killed with SIGKILL is succeeded, with a greater token, though it could say nothing."""
        a = scene.candidate("a")
        with scene.outsider() as outsider:
            assert outsider.claim is not None
            a.acquire_leadership()
            outsider.kill()
            assert a.lead_soon().token > outsider.claim.token

    @requires("outsider")
    def test_killed_follower_does_not_stand_in_the_way(self, scene: Scene) -> None:
        """P7: A candidate that waited and was killed with SIGKILL does not keep its place before those who stay."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        with scene.outsider(leader=a) as outsider:
            assert outsider.claim is None
            b.acquire_leadership()
            outsider.kill()
            a.relinquish_leadership()
            b.lead_soon()

    def test_forked_child_does_not_keep_the_claim(self, scene: Scene) -> None:
        """P9: A child that the leader forked does not keep the claim that the leader gives up."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        with _forked_child(lambda: None):
            a.relinquish_leadership()
            b.lead()

    def test_forked_child_is_refused(self, scene: Scene) -> None:
        """P9, Rule 3: In a forked child every call is InvalidStateError; the parent leads, and waits, as before."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        calls = {
            "a.acquire_leadership()": a.elector.acquire_leadership,
            "a.check_leadership()": a.elector.check_leadership,
            "a.relinquish_leadership()": a.elector.relinquish_leadership,
            "a.observe_leadership()": a.elector.observe_leadership,
            "b.acquire_leadership()": b.elector.acquire_leadership,
        }
        came = _done_by_a_child(scene, calls)
        answered = [f"{call} {what}" for call, what in came.items() if what != f"raised {InvalidStateError.__name__}"]
        assert not answered, f"the child is not refused: {', '.join(answered)}"
        _assert_as_before(a, b)

    def test_closing_in_a_forked_child_leaves_the_leader(self, scene: Scene) -> None:
        """P9, P8: Closing in a forked child is harmless: the connections that it has copies of are its parent's."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        calls = {
            "a.close()": a.elector.close,
            "b.close()": b.elector.close,
            "a's Backend.close()": a.backend.close,
            "b's Backend.close()": b.backend.close,
        }
        came = _done_by_a_child(scene, calls)
        failed = [f"{call} {what}" for call, what in came.items() if what != "returned"]
        assert not failed, f"closing in the child failed: {', '.join(failed)}"
        _assert_as_before(a, b)


def _assert_as_before(leader: Candidate, follower: Candidate) -> None:
    """Check that *leader* has its claim, *follower* waits, and both are answered."""
    assert leader.check_leadership() is not None
    assert follower.acquire_leadership() is None
    assert leader.relinquish_leadership() is True


def _done_by_a_child(scene: Scene, calls: Mapping[str, Callable[[], object]]) -> dict[str, str]:
    """Make *calls* in a forked child, one after the other, and return what came of each."""
    reading, writing = os.pipe()

    def work() -> None:
        for call in calls.values():
            try:
                call()
            except BaseException as error:
                # Only what kind of error it is: what a foreign one says of itself may be anything.
                kind = InvalidStateError if isinstance(error, InvalidStateError) else type(error)
                os.write(writing, f"raised {kind.__name__}\n".encode())
            else:
                os.write(writing, b"returned\n")

    limit = scene.settings.request_timeout + scene.harness.slack
    came = {}
    with _forked_child(work), os.fdopen(reading, "rb", buffering=0) as answers, selectors.DefaultSelector() as selector:
        os.close(writing)
        selector.register(answers, selectors.EVENT_READ)
        for call in calls:
            has_come = selector.select(limit)
            line = answers.readline().decode().strip() if has_come else ""
            came[call] = line or ("ended the child" if has_come else f"did not end in {limit:g} s")
            scene.journal.note("child", call, came[call])
            if not line:
                break
    return came


@contextmanager
def _forked_child(work: Callable[[], None]) -> Iterator[None]:
    """Fork a child that does its *work*, and lives as long as the block."""
    reading, writing = os.pipe()
    born, birth = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: there are threads; the child touches none
        child = os.fork()
    if child == 0:  # pragma: no cover - it ends without a report
        try:
            os.close(writing)
            os.write(birth, b".")  # whatever is done right after a fork has been done
            work()
            os.read(reading, 1)
        finally:
            os._exit(0)
    for descriptor in (reading, birth):
        os.close(descriptor)
    try:
        assert os.read(born, 1), "the forked child has ended before anything was done in it"
        yield
    finally:
        os.kill(child, signal.SIGKILL)  # it may hang
        for descriptor in (born, writing):
            os.close(descriptor)
        os.waitpid(child, 0)
