"""Calls, requests and endings that overlap: whatever comes late leaves nothing locked that nobody answers for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import consul_stage as stage
import pytest

from incumbent import BackendSettings, BackendUnavailableError, ElectionError
from incumbent_consul._connection import Connection, Request


@pytest.fixture
def ordinary() -> BackendSettings:
    """Claims whose end is waited for."""
    return stage.SHORT


class Withheld:
    """A request that fits, kept back, or its answer only: its sender gets none in time."""

    def __init__(self, backend, fits: Callable[[Request], bool], *, arrives: bool = False) -> None:
        self._pool = backend.client.pool
        self._ask, self._fits, self._arrives = self._pool.ask, fits, arrives
        self._kept: Request | None = None
        self._pool.ask = self._asked

    def _asked(self, request: Request):
        if self._kept is not None or not self._fits(request):
            return self._ask(request)
        self._kept = request
        if self._arrives:
            self.arrive()
        raise BackendUnavailableError("no answer in time")

    def arrive(self) -> None:
        assert self._kept is not None
        self._ask(self._kept)


def locks(request: Request) -> bool:
    return request.target.startswith("/v1/txn") and b'"lock"' in request.body


def unlocks(request: Request) -> bool:
    return request.target.startswith("/v1/txn") and b'"unlock"' in request.body


def steps_out(request: Request) -> bool:
    return request.method == "DELETE" and "/.queue/" in request.target


def lines_up(request: Request) -> bool:
    return request.method == "PUT" and "/.queue/" in request.target


def creates(request: Request) -> bool:
    return request.target.startswith("/v1/session/create")


@pytest.fixture
def backend(opened, name):
    """A backend whose session is kept alive by an election that goes on: its candidate waits."""
    assert opened(settings=stage.settings(60.0)).elector(f"{name}/other", "leader").acquire_leadership() is not None
    made = opened()
    assert made.elector(f"{name}/other", "a").acquire_leadership() is None
    return made


@pytest.fixture
def led(opened, name):
    """The election is led by another process."""
    return opened(settings=stage.settings(60.0)).elector(name, "leader").acquire_leadership()


def places(server, name):
    return server.ask("GET", f"/v1/kv/{name}/.queue/?recurse") or []


def ends(call: Callable[[], object]) -> None:
    """Run *call*, which may say that there is nothing, or that it cannot."""
    with suppress(ElectionError):
        assert call() is None


def test_lock_that_is_taken_after_its_elector_has_led_and_left_is_given_up(server, backend, name):
    """P8: An attempt that had no answer may arrive when a later one has led, and left: it blocks nobody."""
    elector = backend.elector(name, "late")
    late = Withheld(backend, locks)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    assert elector.acquire_leadership() is not None
    elector.close()
    late.arrive()
    assert stage.holder(server, name) is not None
    stage.eventually(lambda: stage.holder(server, name) is None, 2 * stage.TTL)


def test_lock_that_is_taken_late_is_given_up_however_late(server, backend, name):
    """P8: So it is when it arrives much later than the ttl: the agent was frozen."""
    elector = backend.elector(name, "late")
    late = Withheld(backend, locks)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    elector.close()
    threading.Event().wait(2.5 * stage.TTL)
    late.arrive()
    assert stage.holder(server, name) is not None
    stage.eventually(lambda: stage.holder(server, name) is None, 2 * stage.TTL)


def test_place_that_is_taken_while_its_elector_is_closed_is_given_up(server, backend, led, name):
    """P8: A request for a place in the queue that is out when its elector is closed leaves nobody in the queue."""
    elector = backend.elector(name, "late")
    acquire = backend.client.acquire

    def slow(*arguments):
        elector.close()
        return acquire(*arguments)

    backend.client.acquire = slow
    ends(elector.acquire_leadership)
    stage.eventually(lambda: not places(server, name), 2 * stage.TTL)
    assert elector not in backend.watchers.of(elector._keys)._members


def test_place_that_is_taken_after_its_elector_has_left_is_given_up(server, backend, led, name):
    """P8: A request for a place that had no answer, and arrives when its elector has left, leaves nobody there."""
    elector = backend.elector(name, "late")
    late = Withheld(backend, lines_up)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    elector.close()
    late.arrive()
    assert places(server, name)
    stage.eventually(lambda: not places(server, name), 2 * stage.TTL)


def test_place_whose_answer_was_lost_is_given_up_at_once(server, backend, led, name):
    """P8: The same if it had arrived before."""
    elector = backend.elector(name, "late")
    Withheld(backend, lines_up, arrives=True)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    assert places(server, name)
    elector.close()
    assert not places(server, name)


def test_claim_that_could_not_be_given_up_is_given_up_later(server, backend, name):
    """P8: A leader that is closed while no answer comes leaves no lock, though its session lives on for others."""
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    Withheld(backend, unlocks)
    elector.close()
    assert stage.holder(server, name) is not None
    stage.eventually(lambda: stage.holder(server, name) is None, 2 * stage.TTL)


def test_claim_that_could_not_be_given_up_is_no_new_term(server, opened, backend, name):
    """P1, P4: Nor does the next candidate of the process take it for its own: it bears the token of another term."""
    elector = backend.elector(name, "a")
    claim = elector.acquire_leadership()
    late = Withheld(backend, unlocks)
    elector.close()
    heir = backend.elector(name, "b")
    term = heir.acquire_leadership()
    assert term is None or term.token > claim.token
    late.arrive()
    assert stage.lead(heir).token > claim.token
    assert heir.check_leadership() is not None


def test_place_that_could_not_be_given_up_is_given_up_later(server, backend, led, name):
    """P8: So does who waited: a place that stays in the queue would be before all others."""
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is None
    Withheld(backend, steps_out)
    elector.close()
    assert places(server, name)
    stage.eventually(lambda: not places(server, name), 2 * stage.TTL)


def test_lock_that_is_taken_while_its_elector_is_closed_is_given_up(server, backend, name):
    """P8: So is a lock; and nobody watches for who has left."""
    elector = backend.elector(name, "late")
    lock = backend.client.lock

    def slow(*arguments, **more):
        elector.close()
        return lock(*arguments, **more)

    backend.client.lock = slow
    ends(elector.acquire_leadership)
    stage.eventually(lambda: stage.holder(server, name) is None, 2 * stage.TTL)
    assert elector not in backend.watchers.of(elector._keys)._members


def test_elector_that_is_closed_before_it_has_a_session_gets_none(backend, name):
    """P8: Who is closed between its call and its session does not stay with it."""
    elector = backend.elector(name, "late")
    join = backend.sessions.join

    def slow(member):
        elector.close()
        return join(member)

    backend.sessions.join = slow
    ends(elector.acquire_leadership)
    assert elector not in backend.sessions._sessions[0]._holders


def test_session_that_is_created_after_its_elector_has_left_is_ended(server, opened, name):
    """P8: A session that comes when nobody needs it any more is not left behind."""
    backend = opened()
    elector = backend.elector(name, "late")
    sessions = stage.sessions(server)
    create = backend.client.create_session

    def slow(description):
        elector.close()
        return create(description)

    backend.client.create_session = slow
    ends(elector.acquire_leadership)
    assert stage.sessions(server) - sessions == set()


def test_session_of_who_comes_is_not_ended_by_who_leaves(server, opened, name):
    """P7: The last who leaves ends the session, and not that of an elector that comes at the same moment."""
    backend = opened()
    first, second = backend.elector(f"{name}/first", "a"), backend.elector(f"{name}/second", "a")
    assert first.acquire_leadership() is not None
    session, claims = backend.sessions._sessions[0], []
    close = session.close

    def come() -> None:
        if not claims:
            claims.append(None)
            claims[0] = second.acquire_leadership()

    def slow_close():
        come()
        close()

    session.close = slow_close
    first.close()
    come()
    assert claims[0] is not None
    assert second.check_leadership() is not None
    assert session.keep_alive._stop is not None, "it is not renewed by itself"


def test_session_is_kept_for_who_comes_while_it_is_looked_at(backend, opened, name):
    """P7: A candidate that comes while the others are found to need no session any more is renewed for all the same."""
    session, elector = backend.sessions._sessions[0], backend.elector(name, "a")
    waiting = next(iter(session._holders))
    waiting.look = elector.acquire_leadership
    waiting._place = waiting._ahead = None
    session._look(None)
    assert session.keep_alive._stop is not None


def test_lock_that_was_asked_for_twice_is_recognised(opened, name):
    """P7: When the connection breaks before the answer, the same is asked again, and refused: it is locked, by us."""
    elector = opened().elector(name, "a")
    assert elector.acquire_leadership() is not None  # so that there is a connection
    assert elector.relinquish_leadership()
    ask, lost = Connection.ask, []

    def lose(connection, request, *limits):
        answer = ask(connection, request, *limits)
        if locks(request) and not lost:
            lost.append(answer)
            connection.close()
            raise BackendUnavailableError("the connection was reset")
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "ask", lose)
        assert elector.acquire_leadership() is not None
    assert len(lost) == 1


def test_thread_that_could_not_be_started_is_started_later(opened, name, monkeypatch):
    """P7: A machine that is out of threads for a moment costs that attempt, not the renewals and the news of all."""
    elector = opened().elector(name, "a")
    before, start = set(threading.enumerate()), threading.Thread.start

    def refuse(thread):
        if thread.name.startswith("incumbent-consul"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with suppress(RuntimeError, ElectionError):
                elector.acquire_leadership()
    assert elector.acquire_leadership() is not None
    started = {thread.name for thread in set(threading.enumerate()) - before}
    assert started >= {"incumbent-consul-session", "incumbent-consul-watch"}


def test_engine_that_wakes_up_while_its_claim_is_given_up_keeps_the_new_one(server, backend, name):
    """P1: What is given up behind the back of a silent engine is its old claim, not the one that it gets meanwhile."""
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    elector._evidence -= 2 * stage.TTL
    unlock, claims = backend.client.unlock, []

    def slow(*arguments, **more):
        backend.client.unlock = unlock
        claims.append(elector.acquire_leadership())
        return unlock(*arguments, **more)

    backend.client.unlock = slow
    elector.look()
    assert claims[0] is not None
    assert elector.check_leadership().token == claims[0].token


def test_engine_that_is_silent_after_an_attempt_without_an_answer_leads_nothing(opened, backend, name):
    """P7: A lock that was taken, and whose engine does not ask again, ends like that of any other silent engine."""
    elector = backend.elector(name, "a")
    Withheld(backend, locks, arrives=True)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    stage.lead(opened().elector(name, "heir"), 4 * stage.TTL)
