"""One deadline for all requests of a call."""

from __future__ import annotations

import threading
import time

import pytest

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


def test_time_that_is_over_is_a_timeout():
    """P10: Who has none left does not begin to wait."""
    with within(0.0), pytest.raises(TimeoutError):
        time_left(deadline(60.0))
