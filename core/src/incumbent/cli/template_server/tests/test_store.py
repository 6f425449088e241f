"""The store's own rules, on which the contract rests."""

# CHANGE: what your own client needs tests for.

from collections.abc import Iterator

import pytest
from incumbent import BackendUnavailableError
from incumbent.toolkit import within

from incumbent_toy.testing import ToyHarness


@pytest.fixture
def harness() -> Iterator[ToyHarness]:
    """Start a server."""
    made = ToyHarness()
    made.open()
    yield made
    made.close()


def test_connection_that_broke_is_made_anew(harness: ToyHarness) -> None:
    """A restart costs the requests that were out, and the first one over a connection from before."""
    assert harness.store.claim("e", "a", "owner", 30.0) == 1
    harness.kill()
    harness.restart()
    with pytest.raises(BackendUnavailableError, match=r"^toy "):
        harness.store.leader("e")
    assert harness.store.leader("e").token == 1


def test_answer_that_comes_too_late_is_not_taken_for_the_next(harness: ToyHarness) -> None:
    """Who has given up waits no more on that connection: the next answer is that to the next question."""
    assert harness.store.claim("e", "a", "owner", 30.0) == 1
    harness.freeze()
    with pytest.raises(BackendUnavailableError, match="no answer in time"), within(0.1):
        harness.store.leader("e")
    harness.thaw()
    assert harness.store.renew("e", "owner", 30.0) is True
