"""Keeps forks away while descriptors that make a claim are opened or closed (P9).

A child that is forked in between would inherit a descriptor that its parent has not noted down yet, or no
longer: nobody could lead until that child ends, or nobody would be woken.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_fork"]

#: A fork waits no longer: an attempt may hang in a file system that does not answer.
LONGEST_WAIT = 1.0


class _Attempts:
    """How many are under way, in all threads. They do not wait for each other, only a fork waits for them."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.number = 0


_attempts = _Attempts()


@contextmanager
def no_fork() -> Iterator[None]:
    """Hold forks up meanwhile."""
    attempts = _attempts
    with attempts.changed:
        attempts.number += 1
    try:
        yield
    finally:
        with attempts.changed:
            attempts.number -= 1
            attempts.changed.notify_all()


def _before_fork() -> None:
    _attempts.changed.acquire()
    _attempts.changed.wait_for(lambda: _attempts.number == 0, LONGEST_WAIT)


def _after_fork_in_parent() -> None:
    _attempts.changed.release()


def _after_fork_in_child() -> None:
    # The attempts of threads that do not exist here will not end.
    global _attempts  # noqa: PLW0603
    _attempts = _Attempts()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
