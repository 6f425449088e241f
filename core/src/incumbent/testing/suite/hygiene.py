"""Nothing is started before it is needed, and nothing is left behind."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from incumbent.testing.bounded import GUARD
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

from .faults import seconds_of

#: Elections that one backend serves at once in the test of Rule 3, and the threads that call it.
ELECTIONS, CALLERS = 24, 8


class Hygiene:
    """A clean beginning and a clean end."""

    def test_making_an_elector_starts_nothing(self, scene: Scene) -> None:
        """Rule 4: Neither a backend nor an elector starts a thread or opens a file before the first call."""
        threads, descriptors = _threads(), _descriptors()
        scene.candidate("a")
        assert (_threads() - threads, _descriptors() - descriptors) == (set(), set())

    def test_closing_leaves_no_thread(self, scene: Scene) -> None:
        """P8: When electors and backends are closed, their threads are gone."""
        _whole_life(scene)  # what a library starts once per process stays
        before = _threads()
        _whole_life(scene)
        assert _becomes_true(lambda: _threads() <= before, scene.harness.slack), _threads() - before

    def test_closing_leaves_no_descriptor(self, scene: Scene) -> None:
        """P8: When electors and backends are closed, their files and sockets are closed."""
        _whole_life(scene)
        before = _descriptors()
        _whole_life(scene)
        assert _becomes_true(lambda: _descriptors() <= before, scene.harness.slack), _descriptors() - before

    @requires("freeze")
    def test_closing_after_an_outage_leaves_nothing(self, scene: Scene) -> None:
        """P8: Calls without an answer leave no thread, file or socket either, when all is closed."""
        _outage(scene)
        threads, descriptors = _threads(), _descriptors()
        _outage(scene)
        _becomes_true(lambda: _threads() <= threads and _descriptors() <= descriptors, scene.harness.slack)
        assert (_threads() - threads, _descriptors() - descriptors) == (set(), set())

    def test_closing_twice_is_harmless(self, scene: Scene) -> None:
        """P8: Closing again, an elector or a backend, does nothing."""
        a = scene.candidate("a")
        a.lead()
        for _ in range(2):
            a.close()
        for _ in range(2):
            a.close_backend()

    def test_closing_unused_is_harmless(self, scene: Scene) -> None:
        """P8: An elector and a backend that were never called can be closed."""
        a = scene.candidate("a")
        a.close()
        a.close_backend()

    @requires("expire")
    def test_closing_after_a_loss_is_harmless(self, scene: Scene) -> None:
        """P8: An elector whose claim is gone closes without an error."""
        a = scene.candidate("a")
        a.lead()
        scene.expire()
        a.close()
        a.close_backend()

    def test_electors_of_one_backend_are_called_at_once(self, scene: Scene) -> None:
        """Rule 3: One backend serves many elections from many threads."""
        backend = scene.backend()
        crowd = [scene.candidate(lock_id=f"{scene.lock_id}/{n}", backend=backend) for n in range(ELECTIONS)]

        def serves(candidate: Candidate) -> bool:
            # One after the other: a claim that waited for all others to be granted could end meanwhile.
            candidate.lead_soon()
            was_kept = candidate.after_outage(candidate.check_leadership) is not None
            candidate.after_outage(candidate.relinquish_leadership)
            return was_kept

        with ThreadPoolExecutor(CALLERS) as pool:
            assert all(list(pool.map(serves, crowd)))


def _whole_life(scene: Scene) -> None:
    """Let two candidates live an election of their own through, and close all."""
    lock_id = f"{scene.lock_id}/{uuid.uuid4().hex[:8]}"  # what a life leaves in the store is another test's business
    a, b = scene.candidate("a", lock_id=lock_id), scene.candidate("b", lock_id=lock_id)
    a.lead()
    b.acquire_leadership()
    a.check_leadership()
    a.relinquish_leadership()
    b.lead_soon()
    if scene.capabilities.observe:
        b.observe_leadership()
    for candidate in (a, b):
        candidate.close()
        candidate.close_backend()


def _outage(scene: Scene) -> None:
    """Let two candidates meet a store that has fallen silent, and close all."""
    lock_id = f"{scene.lock_id}/{uuid.uuid4().hex[:8]}"
    a, b = scene.candidate("a", lock_id=lock_id), scene.candidate("b", lock_id=lock_id)
    a.lead()
    b.acquire_leadership()
    with scene.frozen():
        for calls in (
            (a.check_leadership, b.acquire_leadership),
            (a.close, b.close),
            (a.close_backend, b.close_backend),
        ):
            with ThreadPoolExecutor(len(calls)) as pool:
                list(pool.map(seconds_of, calls))


def _threads() -> set[str]:
    return {f"{thread.name} ({thread.ident})" for thread in threading.enumerate() if thread.name != GUARD}


def _descriptors() -> set[int]:
    """Return the open descriptors; the one that reads the list is closed again, so it is left out."""
    return {fd for fd in (int(entry.name) for entry in Path("/dev/fd").iterdir()) if _is_open(fd)}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _becomes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until *condition* holds: what was closed may end on its own thread."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
