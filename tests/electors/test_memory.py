"""`memory://`: a store in this process that behaves like one with a ttl."""

from __future__ import annotations

import gc
import os
import sys
import threading

import pytest
from oneline import refusal

from incumbent import Address, BackendSettings, BackendUnavailableError, InvalidStateError
from incumbent.electors.memory import MemoryBackend, MemoryStore
from incumbent.testing import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def backend(backends, clock, request):
    return backends(
        f"memory://{request.node.name.partition('[')[0].replace('_', '-')}", clock=clock.now, request_timeout=0.05
    )


def test_one_leads_at_a_time(backend):
    """P1: while one candidate holds the claim, another gets None; after it was given up, the other leads."""
    first, second = backend.elector("job", "a"), backend.elector("job", "b")
    claim = first.acquire_leadership()
    assert claim is not None
    assert second.acquire_leadership() is None
    assert first.acquire_leadership().token == claim.token
    assert first.relinquish_leadership() is True
    assert second.acquire_leadership().token > claim.token


def test_a_claim_ends_with_the_ttl(backend, clock):
    """A claim that is not renewed for the ttl is gone, and its holder is told so; a renewed one is not."""
    first, second = backend.elector("job", "a"), backend.elector("job", "b")
    token = first.acquire_leadership().token
    clock.advance(10)
    renewed = first.check_leadership()
    assert (renewed.token, renewed.sent, renewed.guarantee) == (token, clock.now(), 15.0)
    clock.advance(14.9)
    assert second.acquire_leadership() is None
    clock.advance(0.2)
    assert second.acquire_leadership().token > token
    assert first.check_leadership() is None
    with pytest.raises(InvalidStateError):
        first.check_leadership()


def test_giving_up_what_is_gone_says_so(backend, clock):
    """Relinquishing a claim that expired returns False, and leaves the next holder's alone."""
    first, second = backend.elector("job", "a"), backend.elector("job", "b")
    first.acquire_leadership()
    clock.advance(20)
    claim = second.acquire_leadership()
    assert first.relinquish_leadership() is False
    assert second.check_leadership().token == claim.token


@pytest.mark.parametrize("verb", ["check_leadership", "relinquish_leadership"])
def test_without_a_claim_there_is_nothing_to_check_or_relinquish(backend, verb):
    """Both are an invalid state before acquiring, and after relinquishing."""
    elector = backend.elector("job", "a")
    with pytest.raises(InvalidStateError):
        getattr(elector, verb)()
    elector.acquire_leadership()
    elector.relinquish_leadership()
    with pytest.raises(InvalidStateError):
        getattr(elector, verb)()


def test_elections_of_one_store_are_apart(backend):
    """Each name is an election of its own; the tokens of each grow."""
    claims = [backend.elector(name, "a").acquire_leadership() for name in ("x", "y", "x/y")]
    assert None not in claims


def test_stores_are_shared_by_name(backends):
    """The same name is the same store, another name another."""
    assert backends("memory://one").store is backends("memory://one").store
    assert backends("memory://one").store is not backends("memory://two").store
    assert backends("memory://").store is backends("memory").store


def test_tokens_grow_also_when_nobody_was_there_meanwhile(backends):
    """P4: a store whose last user has left and that was forgotten goes on counting in this process."""
    tokens = []
    for _ in range(3):
        backend = MemoryBackend(Address.parse("memory://left"), BackendSettings(15.0, 2.0))
        elector = backend.elector("job", "a")
        tokens.append(elector.acquire_leadership().token)
        elector.close()
        backend.close()
        del backend, elector
        gc.collect()
    assert tokens == sorted(set(tokens))


def test_threads_that_come_first_together_get_one_store(monkeypatch):
    """P1: however two first uses of a name interleave, they share a store, or two would lead."""
    monkeypatch.setattr(MemoryStore, "_named", Slow(MemoryStore._named))
    stores, barrier = [], threading.Barrier(8)

    def come():
        barrier.wait()
        stores.append(MemoryStore.named("together"))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, stores))) == 1


class Slow:
    """A mapping between whose every step other threads come to run."""

    def __init__(self, mapping):
        self.mapping = mapping

    def get(self, key):
        found = self.mapping.get(key)
        threading.Event().wait(0.01)
        return found

    def __setitem__(self, key, value):
        self.mapping[key] = value

    def setdefault(self, key, value):
        # What WeakValueDictionary does, which is no single step.
        found = self.get(key)
        if found is None:
            self[key] = found = value
        return found


def test_a_leader_and_its_candidates_are_shown(backend, clock):
    """A record names the leader, its token and everybody who stands; nobody leads before and after."""
    first, second = backend.elector("job", "a"), backend.elector("job", "b")
    observer = backend.elector("job", "c")
    assert (observer.observe_leadership().candidate, observer.observe_leadership().candidates) == (None, ())
    claim = first.acquire_leadership()
    second.acquire_leadership()
    record = observer.observe_leadership()
    assert (record.candidate, record.token, record.candidates) == ("a", claim.token, ("a", "b"))
    clock.advance(20)
    assert observer.observe_leadership().candidate is None
    second.close()
    assert observer.observe_leadership().candidates == ("a",)


def test_everybody_is_told_of_a_change(backend):
    """Candidates and observers are notified when a claim is taken, given up, deleted or expires behind its back."""
    told = []
    electors = {name: backend.elector("job", name) for name in "abc"}
    for name, elector in electors.items():
        elector.notify = lambda name=name: told.append(name)
    leader = electors["a"]
    leader.acquire_leadership()
    electors["b"].acquire_leadership()
    electors["c"].observe_leadership()
    for change in (leader.relinquish_leadership, leader.acquire_leadership, lambda: backend.store.delete("job")):
        told.clear()
        change()
        assert set(told) >= {"b", "c"}
    assert leader.check_leadership() is None
    leader.acquire_leadership()
    told.clear()
    backend.store.expire("job")
    assert set(told) == {"a", "b", "c"}


def test_a_frozen_store_answers_nobody_in_time(backend):
    """P10: a frozen store raises after the request timeout; thawed, it is as before."""
    elector = backend.elector("job", "a")
    token = elector.acquire_leadership().token
    backend.store.freeze()
    for verb in (elector.check_leadership, elector.relinquish_leadership, elector.observe_leadership):
        with pytest.raises(BackendUnavailableError, match=r"no answer within 0\.05 s"):
            verb()
    backend.store.thaw()
    assert elector.check_leadership().token == token


def test_a_stopped_store_refuses_until_started(backend):
    """P4, P7: what was claimed is still there after a restart, or gone after an empty one; tokens go on growing."""
    elector = backend.elector("job", "a")
    token = elector.acquire_leadership().token
    told = []
    elector.notify = lambda: told.append("a")
    backend.store.stop()
    with pytest.raises(BackendUnavailableError, match="stopped"):
        elector.check_leadership()
    backend.store.start()
    assert elector.check_leadership().token == token
    backend.store.stop()
    backend.store.start(empty=True)
    assert told == ["a", "a"]
    assert backend.store.claims("job") == 0
    assert elector.check_leadership() is None
    assert elector.acquire_leadership().token > token
    assert backend.store.holder("job").candidate == "a"


def test_closing_gives_up_and_can_be_repeated(backend):
    """P8: close leaves neither claim nor place, twice or without ever having acquired."""
    first, second = backend.elector("job", "a"), backend.elector("job", "b")
    first.acquire_leadership()
    first.close()
    first.close()
    assert second.acquire_leadership() is not None
    backend.elector("job", "c").close()
    second.close()
    assert (backend.store.candidates, backend.store.observers, backend.store.held) == ({}, {}, {})


def test_a_forked_child_leads_nothing(backend, fork):
    """P9: the child's elector refuses, its close leaves the parent's claim alone, and its store is another."""
    elector = backend.elector("job", "a")
    token = elector.acquire_leadership().token
    pid = fork()
    if pid == 0:  # pragma: no cover - in the child
        code = 1
        try:
            elector.acquire_leadership()
        except InvalidStateError:
            elector.close()
            own = MemoryBackend(Address.parse("memory://fork"), backend.settings)
            code = 0 if own.elector("job", "child").acquire_leadership() is not None else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert elector.check_leadership().token == token


@pytest.mark.parametrize("url", ["memory:///path", "memory://user@h", "memory://a,b", "memory://user:S3CR3T@a"])
def test_a_url_that_is_more_than_a_name_is_refused(url):
    """One line that says what to write, and shows no password."""
    message = refusal(MemoryBackend, Address.parse(url), BackendSettings(15.0, 2.0))
    assert "write memory:// or memory://name" in message
    assert "S3CR3T" not in message


def test_many_threads_elect_one_leader(backends):
    """P1: of many candidates that try at the same time, exactly one gets the claim."""
    backend = backends("memory://crowd")
    electors = [backend.elector("job", str(number)) for number in range(16)]
    barrier, claims = threading.Barrier(16), []

    def campaign(elector):
        barrier.wait()
        claims.append(elector.acquire_leadership())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=campaign, args=(elector,)) for elector in electors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len([claim for claim in claims if claim is not None]) == 1
