"""The store's own rules, on which the contract rests."""

# CHANGE: what your own client needs tests for.

from collections.abc import Iterator
from contextlib import closing

import pytest
from incumbent import BackendUnavailableError
from incumbent.toolkit import within

from incumbent_toy._store import Store
from incumbent_toy.testing import ToyHarness


@pytest.fixture
def harness() -> Iterator[ToyHarness]:
    """Start a server."""
    made = ToyHarness()
    made.open()
    yield made
    made.close()


@pytest.fixture
def store(harness: ToyHarness) -> Iterator[Store]:
    """Make a client of it."""
    with closing(harness.client()) as made:
        yield made


def test_connection_that_broke_is_made_anew(harness: ToyHarness, store: Store) -> None:
    """A restart costs the requests that were out, and the first one over a connection from before."""
    assert store.claim("e", "a", "owner", 30.0) == 1
    harness.kill()
    harness.restart()
    with pytest.raises(BackendUnavailableError, match=r"^toy "):
        store.leader("e")
    assert store.leader("e").token == 1


def test_late_answer_is_not_that_of_the_next(harness: ToyHarness, store: Store) -> None:
    """Who has given up waits no more on that connection: the next answer is that to the next question."""
    assert store.claim("e", "a", "owner", 30.0) == 1
    harness.freeze()
    with pytest.raises(BackendUnavailableError, match="no answer in time"), within(0.1):
        store.leader("e")
    harness.thaw()
    assert store.renew("e", "owner", 30.0) is True
