"""Candidates in other processes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


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
        scene.candidate("a").lead()
        with scene.outsider() as outsider:
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

    def test_forked_child_does_not_keep_the_claim(self, scene: Scene) -> None:
        """P9: A child that the leader forked does not keep the claim that the leader gives up."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        with _forked_child():
            a.relinquish_leadership()
            b.lead()


@contextmanager
def _forked_child() -> Iterator[None]:
    """Fork a child that lives as long as the block, and does nothing."""
    reading, writing = os.pipe()
    born, birth = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: there are threads; the child touches nothing
        child = os.fork()
    if child == 0:  # pragma: no cover - it ends without a report
        os.close(writing)
        os.write(birth, b".")  # whatever is done right after a fork has been done
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    os.read(born, 1)
    try:
        yield
    finally:
        for descriptor in (born, birth, writing):
            os.close(descriptor)
        os.waitpid(child, 0)
