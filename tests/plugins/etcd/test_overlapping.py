"""Calls, requests and endings that overlap: whatever comes late leaves no key that nobody answers for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import etcd_stage as stage
import pytest

from incumbent import BackendSettings, BackendUnavailableError, ElectionError
from incumbent_etcd._connection import Connection
from incumbent_etcd._watch import Watcher


@pytest.fixture
def ordinary() -> BackendSettings:
    """Claims whose end is waited for."""
    return stage.SHORT


class Withheld:
    """Requests of one remote method, kept back at the first *count* times: their sender gets no answer in time."""

    def __init__(self, connection: Connection, method: str, count: int = 1) -> None:
        self._connection, self._method, self._count = connection, method, count
        self._send = connection.send
        self._kept: list[Any] = []
        connection.send = self._sent  # type: ignore[method-assign]

    def _sent(self, name: str, request: Any) -> Any:
        if name != self._method or self._count == 0:
            return self._send(name, request)
        self._count -= 1
        self._kept.append(request)
        return _Unanswered()

    def restore(self) -> None:
        self._connection.send = self._send  # type: ignore[method-assign]

    def arrive(self) -> None:
        for request in self._kept:
            self._send(self._method, request).result()


class _Unanswered:
    def result(self) -> Any:
        raise BackendUnavailableError("no answer in time")

    def cancel(self) -> None:
        pass


@pytest.fixture
def backend(opened, name):
    """A backend whose lease is kept alive by an election that goes on: its candidate waits."""
    assert opened(settings=stage.settings(600.0)).elector(f"{name}/other", "leader").acquire_leadership() is not None
    made = opened()
    assert made.elector(f"{name}/other", "a").acquire_leadership() is None
    return made


def test_key_that_is_made_after_its_elector_has_led_and_left_vanishes(server, opened, backend, name):
    """P8: An attempt that had no answer may arrive when a later one has led, and left: its key blocks nobody."""
    elector = backend.elector(name, "late")
    withheld = Withheld(backend.connection, "Txn")
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    assert elector.acquire_leadership() is not None
    elector.close()
    withheld.arrive()
    assert "late" in stage.keys(server, name)
    stage.lead(opened().elector(name, "heir"), 3 * stage.TTL)


def test_elector_that_is_closed_while_it_gets_its_session_makes_no_key(server, opened, backend, name):
    """P8: Who is closed between its call and its session, where the client library may be imported, is not let in."""
    elector = backend.elector(name, "late")
    join, withheld = backend.sessions.join, []

    def slow(election, member):
        elector.close()
        withheld.append(Withheld(backend.connection, "Txn"))
        return join(election, member)

    backend.sessions.join = slow
    _ends(elector.acquire_leadership)
    for late in withheld:
        late.arrive()
    stage.lead(opened().elector(name, "heir"), 3 * stage.TTL)


def test_elector_that_is_closed_while_its_lease_is_granted_makes_no_key(server, opened, backend, name):
    """P8: The same while it waits for a lease: one that has just replaced a dead one, too."""
    elector = backend.elector(name, "late")
    session = backend.sessions._sessions[0]
    for lease in stage.leases(server):
        stage.revoke(server, lease)
    lease, withheld = session.lease, []
    session._lease.is_dead = True

    def slow():
        elector.close()
        withheld.append(Withheld(backend.connection, "Txn"))
        return lease()

    session.lease = slow
    _ends(elector.acquire_leadership)
    session.lease = lease
    for late in withheld:
        late.restore()
    assert opened(settings=stage.settings(600.0)).elector(f"{name}/third", "leader").acquire_leadership() is not None
    assert backend.elector(f"{name}/third", "a").acquire_leadership() is None  # keeps the new lease alive
    for late in withheld:
        late.arrive()
    stage.lead(opened().elector(name, "heir"), 3 * stage.TTL)


def test_closed_elector_watches_nothing(backend, name):
    """P8: A check that ends after its elector was closed leaves no watch behind."""
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    renewal = elector._place.lease.renewal

    def slow(after):
        try:
            return renewal(after)
        finally:
            elector.close()

    elector._place.lease.renewal = slow
    elector.check_leadership()
    assert elector._news._following is None


def test_key_is_not_missed_by_a_renewal_that_is_older(backend, name):
    """P7: A key that was made while another election renewed the lease is not taken for deleted."""
    elector, other = backend.elector(name, "a"), backend.sessions._sessions[0]._lease
    send = backend.connection.send

    class Slow:
        def __init__(self, name, request):
            self.name, self.request = name, request

        def result(self):
            other.renewal(backend.settings.clock() - 0.0001)  # another elector asks, before the key is made
            return send(self.name, self.request).result()

        def cancel(self):
            pass

    backend.connection.send = lambda name, request: Slow(name, request) if name == "Txn" else send(name, request)
    claim = elector.acquire_leadership()
    backend.connection.send = send
    assert elector.check_leadership().token == claim.token


def _ends(call: Callable[[], object]) -> None:
    """Run *call*, which may say that there is nothing, or that it cannot."""
    with suppress(ElectionError):
        assert call() is None


def test_leftover_that_vanishes_during_an_attempt(backend, name):
    """P7: What a silent leader has left is deleted on a thread; an attempt at the same moment does not stumble."""
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    place = elector._place
    elector._token = elector._place = None
    elector._leftover = place

    class Vanishing:
        @property
        def is_dead(self):
            elector._leftover = None
            return False

    lease, place.lease = place.lease, Vanishing()
    try:
        assert elector.acquire_leadership() is not None
    finally:
        place.lease = lease


def test_thread_that_could_not_be_started_is_started_later(backend, name, monkeypatch):
    """P7: A machine that is out of threads for a moment costs that attempt, not the renewals and the news of all."""
    elector = backend.elector(name, "a")
    backend.watcher.close()
    lease = backend.sessions._sessions[0]._lease
    lease.stop()
    lease.join(stage.PATIENCE)
    watcher = backend.watcher = elector._news._watcher = Watcher(backend.connection, backend.settings.clock)
    before, start = set(threading.enumerate()), threading.Thread.start

    def refuse(thread):
        if thread.name.startswith("incumbent-etcd"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            elector.acquire_leadership()
    monkeypatch.undo()
    assert elector.acquire_leadership() is not None
    started = {thread.name for thread in set(threading.enumerate()) - before}
    assert started >= {"incumbent-etcd-keepalive", "incumbent-etcd-watch"}
    watcher.close()


def test_request_for_which_grpc_has_no_thread_costs_no_other(opened, name, monkeypatch):
    """P10: A machine that is out of threads for a moment costs that request; those after it do not wait in vain."""
    elector = opened().elector(name, "a")

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", refuse)
        with pytest.raises(BackendUnavailableError, match="can't start new thread"):
            elector.acquire_leadership()
    led = threading.Event()
    threading.Thread(target=lambda: elector.acquire_leadership() and led.set(), daemon=True).start()
    assert led.wait(stage.PATIENCE)


def test_engine_that_is_silent_after_an_attempt_without_an_answer_loses_its_place(opened, backend, name):
    """P7: A key that was made, and whose engine does not ask again, is removed like that of any other silent engine."""
    elector = backend.elector(name, "a")
    withheld = Withheld(backend.connection, "Txn")
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    withheld.arrive()
    stage.lead(opened().elector(name, "heir"), 4 * stage.TTL)
    assert elector.acquire_leadership() is None
