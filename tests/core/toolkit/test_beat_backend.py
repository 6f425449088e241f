"""The backend of a store that can compare and set, with its thread."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from beat_stage import CAPABILITIES, DictStore

from incumbent import Address, BackendSettings, BackendUnavailableError, InvalidStateError, yes
from incumbent.testing import FakeClock
from incumbent.toolkit import BeatBackend

#: Seconds that something may take which happens at once on an idle machine.
SOON = 30.0


class Backend(BeatBackend):
    capabilities = CAPABILITIES


class Willing(BeatBackend):
    capabilities = replace(CAPABILITIES, testament=yes())


@pytest.fixture
def backend():
    backend = Backend(Address.parse("dict://here"), BackendSettings(60.0, 1.0), DictStore(FakeClock()), looks=600)
    yield backend
    backend.close()


def looking():
    return [thread.name for thread in threading.enumerate() if thread.name == "incumbent-dict-look"]


def test_nothing_begins_before_it_is_needed(backend):
    """P8: neither a backend nor an elector that is not asked has a thread, or a request."""
    backend.elector("job", "a")
    assert looking() == []
    backend.close()
    assert backend.store.asked == []


def test_hand_over_is_told_by_the_looks(backend):
    """P7: a store that tells nobody anything is looked at, and who waits is told."""
    a, b = backend.elector("job", "a"), backend.elector("job", "b")
    told = threading.Event()
    b.notify = told.set
    a.acquire_leadership()
    assert b.acquire_leadership() is None
    told.clear()
    a.relinquish_leadership()
    assert told.wait(SOON)
    assert b.acquire_leadership() is not None


def test_outage_ends_no_look(backend):
    """P7: when the store answers again, its news are told again."""
    a, b = backend.elector("job", "a"), backend.elector("job", "b")
    told, tried = threading.Event(), threading.Event()
    b.notify = told.set
    a.acquire_leadership()
    assert b.acquire_leadership() is None
    read = backend.store.read

    def unavailable(_):
        tried.set()
        raise BackendUnavailableError("refused")

    backend.store.read = unavailable
    assert tried.wait(SOON)
    a.relinquish_leadership()
    told.clear()
    backend.store.read = read
    assert told.wait(SOON)


def test_closing_leaves_nothing(backend):
    """P8: no record, no thread; the store is closed, too; and the second time does nothing."""
    a = backend.elector("job", "a")
    a.acquire_leadership()
    assert looking() == ["incumbent-dict-look"]
    backend.close()
    backend.close()
    assert looking() == []
    assert backend.store.records == {}
    assert backend.store.closed


def test_one_thread_looks_for_all(backend):
    """P8: a hundred elections have one."""
    for number in range(100):
        backend.elector(f"job/{number}", "a").acquire_leadership()
    assert looking() == ["incumbent-dict-look"]


def test_testament_is_left_and_executed_where_that_is_declared():
    """P11: each term has a testament of its own, which ends it from another backend of the same store, once."""
    store = DictStore(FakeClock())
    ours, other = (Willing(Address.parse("dict://here"), BackendSettings(60.0, 1.0), store) for _ in range(2))
    elector = ours.elector("job", "a")
    first = elector.acquire_leadership()
    assert elector.check_leadership().testament == first.testament
    assert other.execute("job", first.testament) is True
    assert elector.check_leadership() is None
    second = elector.acquire_leadership()
    assert other.execute("job", first.testament) is False
    assert elector.check_leadership().token == second.token
    for backend in (ours, other):
        backend.close()


def test_testament_is_neither_left_nor_executed_where_it_is_not_declared(backend):
    """P11: a backend that declares none, as one that was written before, leaves none and executes none."""
    claim = backend.elector("job", "a").acquire_leadership()
    assert claim.testament == ""
    with pytest.raises(InvalidStateError):
        backend.execute("job", claim.testament)
