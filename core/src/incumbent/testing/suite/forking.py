"""Children that a candidate's process forks: they have copies of all that it has, and may use nothing of it."""

from __future__ import annotations

import os
import selectors
import signal
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace

from incumbent import BackendSettings, InvalidStateError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

#: What is to come of a call in a child, and of closing there.
REFUSED, RETURNED = f"raised {InvalidStateError.__name__}", "returned"


class Forking:
    """A forked child is nobody's leader, and no candidate."""

    def test_forked_child_does_not_keep_the_claim(self, scene: Scene) -> None:
        """P9: A child that the leader forked does not keep the claim that the leader gives up."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        with _forked_child(lambda: None):
            a.relinquish_leadership()
            b.lead()

    def test_forked_child_is_refused(self, scene: Scene) -> None:
        """P9, Rule 3: In a forked child every call is InvalidStateError; the parent leads, and waits, as before."""
        family = _Family(scene)
        answered = [f"{call} {came}" for call in family.calls() if (came := family.came_of(call)) != REFUSED]
        assert not answered, f"the child is not refused: {', '.join(answered)}"
        family.assert_as_before()

    @requires("freeze")
    def test_forked_child_is_refused_during_a_call(self, scene: Scene) -> None:
        """P9, Rule 3: So it is if another thread was in a call when the process was forked: no lock stays held."""
        settings = replace(scene.lasting, request_timeout=scene.settings.request_timeout)
        family = _Family(scene, settings)
        hanging = (family.leader.check_leadership, family.follower.acquire_leadership)
        with scene.frozen(), ThreadPoolExecutor(len(hanging)) as pool:
            calls = [pool.submit(call) for call in hanging]
            wait(calls, scene.settings.request_timeout / 4)  # they have begun, and are not over
            came = family.came_of_all(*family.calls(), *family.closings())
            wait(calls)
        for call, what in came.items():
            expected = RETURNED if call in family.closings() else REFUSED
            assert what == expected, f"{call} {what} in the child, though it should have {expected}"
        family.leader.after_outage(family.leader.check_leadership)
        family.assert_as_before()

    def test_closing_in_a_forked_child_leaves_the_leader(self, scene: Scene) -> None:
        """P9, P8: Closing in a forked child is harmless: the connections that it has copies of are its parent's."""
        family = _Family(scene)
        failed = [f"{call} {came}" for call in family.closings() if (came := family.came_of(call)) != RETURNED]
        assert not failed, f"closing in the child failed: {', '.join(failed)}"
        family.assert_as_before()


class _Family:
    """A leader and a follower, which the process that is forked has, and what its child may try with them."""

    def __init__(self, scene: Scene, settings: BackendSettings | None = None) -> None:
        self._scene = scene
        chosen = settings or scene.lasting
        self.leader, self.follower = (scene.candidate(name, backend=scene.backend(chosen)) for name in "ab")
        self._unused = scene.candidate("c", lock_id=f"{scene.lock_id}/c", backend=self.leader.backend)
        self.leader.lead()
        self.follower.acquire_leadership()

    def calls(self) -> dict[str, Callable[[], object]]:
        """Return all that a child must be refused."""
        leader, follower = self.leader, self.follower
        return {
            "a.acquire_leadership()": leader.elector.acquire_leadership,
            "a.check_leadership()": leader.elector.check_leadership,
            "a.relinquish_leadership()": leader.elector.relinquish_leadership,
            "a.observe_leadership()": leader.elector.observe_leadership,
            "b.acquire_leadership()": follower.elector.acquire_leadership,
            "b.observe_leadership()": follower.elector.observe_leadership,
            "acquire_leadership() of an elector that was never used": self._unused.elector.acquire_leadership,
            "acquire_leadership() of an elector that it has made": lambda: leader.backend.elector(
                self._unused.elector.lock_id, "d"
            ).acquire_leadership(),
        }

    def closings(self) -> dict[str, Callable[[], object]]:
        """Return all that a child may close, for nothing comes of it."""
        return {
            "a.close()": self.leader.elector.close,
            "b.close()": self.follower.elector.close,
            "a's Backend.close()": self.leader.backend.close,
            "b's Backend.close()": self.follower.backend.close,
        }

    def came_of(self, call: str) -> str:
        """Return what came of a *call* that a child of its own has made: what one leaves behind helps no other."""
        came = self.came_of_all(call)[call]
        assert self.leader.check_leadership() is not None, f"{call} in the child has ended the claim of the parent"
        return came

    def came_of_all(self, *calls: str) -> dict[str, str]:
        """Return what came of *calls* that one child has made, one after the other."""
        known = {**self.calls(), **self.closings()}
        reading, writing = os.pipe()

        def work() -> None:
            for call in calls:
                os.write(writing, f"{_outcome(known[call])}\n".encode())

        limit = self._scene.settings.request_timeout + self._scene.harness.slack
        came = dict.fromkeys(calls, "was not made")
        with (
            _forked_child(work),
            os.fdopen(reading, "rb", buffering=0) as answers,
            selectors.DefaultSelector() as ready,
        ):
            os.close(writing)
            ready.register(answers, selectors.EVENT_READ)
            for call in calls:
                has_come = ready.select(limit)
                line = answers.readline().decode().strip() if has_come else ""
                came[call] = line or ("ended the child" if has_come else f"did not end in {limit:g} s")
                self._scene.journal.note("child", call, came[call])
                if not line:
                    break
        return came

    def assert_as_before(self) -> None:
        """Check that the leader has its claim, the follower waits, and both are answered."""
        assert self.leader.check_leadership() is not None, "the claim of the parent is gone"
        assert self.follower.acquire_leadership() is None
        self.follower.forget_news()
        assert self.leader.relinquish_leadership() is True
        if self._scene.capabilities.push:
            assert self.follower.hears_news(self._scene.earshot), "the parent is told nothing any more"


def _outcome(call: Callable[[], object]) -> str:
    """Make a *call* in the child, and return what came of it."""
    try:
        call()
    except BaseException as error:
        # Only what kind of error it is: what a foreign one says of itself may be anything.
        return f"raised {(InvalidStateError if isinstance(error, InvalidStateError) else type(error)).__name__}"
    return RETURNED


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
