"""One deadline for all requests of a call."""

from __future__ import annotations

import contextvars
import threading
import time

import pytest
from greenlet import greenlet

from incumbent.toolkit import deadline, time_left, within


def test_requests_of_a_block_end_with_it():
    """P10: Each may take its own time, but not more than is left of the block's."""
    before = time.monotonic()
    with within(5.0):
        after = time.monotonic()
        assert before + 5.0 <= deadline(60.0) <= after + 5.0
        assert deadline(1.0) <= time.monotonic() + 1.0
    assert deadline(60.0) >= before + 60.0


def test_blocks_in_each_other_end_with_the_first():
    """P10: One within another cannot be longer, and the outer one goes on afterwards."""
    with within(5.0):
        outer = deadline(60.0)
        with within(30.0):
            assert deadline(60.0) == outer
        with within(1.0):
            assert deadline(60.0) < outer
        assert deadline(60.0) == outer


def test_block_that_is_left_by_an_error_is_left():
    """P10: What is asked after it has its own time again."""
    with pytest.raises(ValueError, match="why not"), within(0.0):
        raise ValueError("why not")
    assert time_left(deadline(60.0)) > 30.0


def test_block_does_not_bind_other_threads():
    """A renewal on a thread has its own time, whatever call is out on another."""
    found = []
    with within(0.0):
        thread = threading.Thread(target=lambda: found.append(time_left(deadline(60.0))))
        thread.start()
        thread.join()
    assert found[0] > 30.0


def test_thread_that_begins_in_a_block_is_not_bound_by_it():
    """A thread that a call starts outlives it, also where threads inherit the context of who starts them (3.14t)."""
    found = []
    with within(0.0):
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: context.run(lambda: found.append(time_left(deadline(60.0)))))
        thread.start()
        thread.join()
    assert found[0] > 30.0


def test_time_that_is_over_is_a_timeout():
    """P10: Who has none left does not begin to wait."""
    with within(0.0), pytest.raises(TimeoutError):
        time_left(deadline(60.0))


def test_blocks_of_greenlets_do_not_bind_each_other():
    """P10: Greenlets that take turns on one thread, as the simulator's and gevent's do, have a deadline each."""
    left = {}

    def call(name):
        with within(5.0):
            other.switch()
        left[name] = time_left(deadline(60.0))

    def another():
        with within(0.0):
            first.switch()
        left["another"] = time_left(deadline(60.0))

    first, other = greenlet(lambda: call("first")), greenlet(another)
    first.switch()  # goes in, lets the other go in, and goes out before it
    other.switch()
    assert left["first"] > 30.0
    assert left["another"] > 30.0
