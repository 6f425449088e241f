"""What others fall into: each test shows the trap first, on the server or in the library, and then that we do not."""

from __future__ import annotations

import threading
import time
import urllib.error
import uuid
import warnings
from contextlib import suppress

import consul_stage as stage
import pytest

from incumbent import BackendUnavailableError, ConfigurationError, LeaderElection

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own
    import consul

#: For who leads without being asked: a claim that nobody checks is given up after its ttl, which is short for a test.
CALM = stage.settings(60.0)


@pytest.fixture
def library(server):
    """The client library as its manual says to use it."""
    made = consul.Consul("127.0.0.1", server.port)
    yield made
    made.http.session.close()


def test_ttl_alone_protects_nothing(server, url, name, opened):
    """P2: Consul may end a session long before its ttl: only lock-delay keeps the lock; what is guaranteed says so."""
    session = stage.new_session(server, ttl="60s", lock_delay="0s")
    assert stage.put(server, f"{name}/trap?acquire={session}")
    server.ask("PUT", f"/v1/session/destroy/{session}")
    assert stage.put(server, f"{name}/trap?acquire={stage.new_session(server)}"), (
        "not free at once, though 60 s are left"
    )

    leader, rival = (opened(settings=stage.SHORT).elector(name, who) for who in ("leader", "rival"))
    claim = leader.acquire_leadership()
    assert claim.guarantee == stage.TTL
    server.ask("PUT", f"/v1/session/destroy/{stage.holder(server, name)}")
    stage.lead(rival)
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - claim.sent >= claim.guarantee


@pytest.mark.parametrize(("delay", "guarantee"), [("2", 2.0), ("2.5", 2.5), ("30", stage.TTL)])
def test_guarantee_is_the_shorter_of_ttl_and_lock_delay(server, name, opened, delay, guarantee):
    """P2: min(ttl, lock-delay)."""
    elector = opened(stage.url(server, lock_delay=delay), stage.SHORT).elector(name, "a")
    assert elector.acquire_leadership().guarantee == guarantee


def test_lock_delay_zero_is_refused(server, opened):
    """P2: Without lock-delay nothing is guaranteed."""
    with pytest.raises(ConfigurationError, match=r"lock-delay.*nothing that protects"):
        opened(stage.url(server, lock_delay="0"))


def test_renewing_proves_no_ownership(server, library, url, name, opened):
    """P1: A session can be renewed after its lock is another's; a check reads the key, and sees that."""
    elector = opened(settings=CALM).elector(name, "a")
    elector.acquire_leadership()
    session = stage.holder(server, name)
    server.ask("DELETE", f"/v1/kv/{name}/.lock")
    assert stage.put(server, f"{name}/.lock?flags={stage.FLAGS}&acquire={stage.new_session(server)}")
    assert library.session.renew(session)["ID"] == session
    assert elector.check_leadership() is None


def test_lock_index_is_no_token(server, name, opened):
    """P4: The LockIndex begins anew when the key is deleted; the ModifyIndex does not, nor do our tokens."""

    def locked_and_deleted() -> tuple[int, int]:
        session = stage.new_session(server)
        for _ in range(2):
            stage.put(server, f"{name}/trap?acquire={session}")
            stage.put(server, f"{name}/trap?release={session}")
        stage.put(server, f"{name}/trap?acquire={session}")
        pair = server.ask("GET", f"/v1/kv/{name}/trap")[0]
        return pair["LockIndex"], pair["ModifyIndex"]

    index, modified = locked_and_deleted()
    server.ask("DELETE", f"/v1/kv/{name}/trap")
    stage.put(server, f"{name}/trap?acquire={stage.new_session(server)}")
    pair = server.ask("GET", f"/v1/kv/{name}/trap")[0]
    assert pair["LockIndex"] < index
    assert pair["ModifyIndex"] > modified

    tokens = []
    elector = opened(settings=CALM).elector(name, "a")
    for _ in range(3):
        tokens.append(elector.acquire_leadership().token)
        server.ask("DELETE", f"/v1/kv/{name}/.lock")
        assert elector.check_leadership() is None
    assert tokens == sorted(set(tokens))


def test_ending_the_session_first_costs_a_lock_delay(server, url, name, opened):
    """P7: A lock whose session ends without unlocking is delayed; a leader that leaves unlocks first, so its is not."""
    session = stage.new_session(server, lock_delay="5s")
    stage.put(server, f"{name}/trap?acquire={session}")
    server.ask("PUT", f"/v1/session/destroy/{session}")
    assert not stage.put(server, f"{name}/trap?acquire={stage.new_session(server)}")

    backend = opened()
    backend.elector(name, "leader").acquire_leadership()
    backend.close()  # without closing the elector
    assert opened().elector(name, "rival").acquire_leadership() is not None


def test_end_of_a_lock_delay_brings_no_news(server, url, name):
    """P7: A blocking query does not return when a lock-delay ends; a follower is elected soon after it all the same."""
    session = stage.new_session(server, lock_delay="2s")
    assert stage.put(server, f"{name}/.lock?flags={stage.FLAGS}&acquire={session}")
    with LeaderElection(stage.config(name), url) as election:
        stage.eventually(election.is_follower)
        server.ask("PUT", f"/v1/session/destroy/{session}")
        ended = time.monotonic()
        assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None
        # What the others would wait: a poll of 5 s (`consul lock`), or of five check intervals.
        assert 1.9 < time.monotonic() - ended < 2.0 + 1.5


def test_what_arrives_late_does_nothing(server, name, opened):
    """P1, P8: A plain acquire or release that arrives late hits another term of its session; ours names its own."""
    session = stage.new_session(server)
    assert stage.put(server, f"{name}/trap?acquire={session}")
    assert stage.put(server, f"{name}/trap?release={session}")
    assert stage.put(server, f"{name}/trap?acquire={session}"), "a late acquire locks what nobody wants any more"
    assert stage.put(server, f"{name}/trap?release={session}"), "a late release ends a later term"

    with stage.Tap(server) as tap:
        elector = opened(stage.url(tap), CALM).elector(name, "a")
        elector.acquire_leadership()
        elector.relinquish_leadership()
        assert len(tap.transactions) == 2
        free = stage.lock(server, name)
        for body in tap.transactions:
            refused(server, body)
        assert stage.lock(server, name) == free
        term = elector.acquire_leadership()
        held = stage.lock(server, name)
        for body in tap.transactions[:2]:
            refused(server, body)
        assert stage.lock(server, name) == held
        assert elector.check_leadership().token == term.token


def refused(server, body: bytes) -> None:
    """Send a transaction that must not be carried out."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        server.ask("PUT", "/v1/txn", body)
    assert caught.value.code == 409


def test_an_attempt_without_an_answer_is_recognised(server, name, opened, monkeypatch):
    """P7: A lock whose answer was lost has been taken all the same; the next attempt returns that claim."""
    backend = opened()
    elector = backend.elector(name, "a")
    ask = backend.client.pool.ask

    def lose(request):
        answer = ask(request)
        if request.target.startswith("/v1/txn"):
            raise BackendUnavailableError("the answer is lost")
        return answer

    monkeypatch.setattr(backend.client.pool, "ask", lose)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    monkeypatch.undo()
    index = stage.lock(server, name)["ModifyIndex"]
    assert stage.holder(server, name) is not None
    assert elector.acquire_leadership().token == index


def test_a_lock_that_is_taken_after_its_elector_has_left_is_given_up(server, name, opened, monkeypatch):
    """P8: When such a request arrives even after the elector was closed, the session that others use lets go of it."""
    backend = opened(settings=stage.SHORT)
    backend.elector(f"{name}/other", "a").acquire_leadership()
    elector = backend.elector(name, "a")
    ask, held_back = backend.client.pool.ask, []

    def hold_back(request):
        if request.target.startswith("/v1/txn"):
            held_back.append(request.body)
            raise BackendUnavailableError("it has not arrived yet")
        return ask(request)

    monkeypatch.setattr(backend.client.pool, "ask", hold_back)
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    monkeypatch.undo()
    elector.close()
    server.ask("PUT", "/v1/txn", held_back[0])
    assert stage.holder(server, name) is not None
    stage.eventually(lambda: stage.holder(server, name) is None, 2 * stage.TTL)


def test_release_without_flags_makes_the_key_foreign(server, url, name, opened):
    """A release without flags sets them to 0, and `consul lock` refuses the key then; ours keeps them."""
    session = stage.new_session(server)
    stage.put(server, f"{name}/trap?flags={stage.FLAGS}&acquire={session}")
    stage.put(server, f"{name}/trap?release={session}")
    assert server.ask("GET", f"/v1/kv/{name}/trap")[0]["Flags"] == 0

    elector = opened(settings=CALM).elector(name, "a")
    elector.acquire_leadership()
    elector.relinquish_leadership()
    assert stage.lock(server, name)["Flags"] == stage.FLAGS


def test_an_empty_session_id_overwrites(server, library, name, opened):
    """P1: `acquire=""` is a plain PUT for the library, and overwrites another's value; ours refuses such an id."""
    session = stage.new_session(server)
    stage.put(server, f"{name}/trap?acquire={session}", "the holder's")
    assert library.kv.put(f"{name}/trap", "an intruder's", acquire="") is True
    assert stage.value(server.ask("GET", f"/v1/kv/{name}/trap")[0]) == "an intruder's"

    client = opened().client
    with pytest.raises(BackendUnavailableError, match="session's id"):
        client.acquire(f"{name}/trap", "", "an intruder's")


def test_session_that_died_while_following_is_replaced(server, url, name):
    """P7: A follower whose session was destroyed is elected all the same, with another."""
    with LeaderElection(stage.config(name), url) as leader:
        leader.wait_for_leadership(timeout=stage.PATIENCE)
        with LeaderElection(stage.config(name), url) as follower:
            place = stage.eventually(lambda: places(server, name))[0]
            session = place["Session"]
            server.ask("PUT", f"/v1/session/destroy/{session}")
            stage.eventually(lambda: [p for p in places(server, name) if p.get("Session") not in (None, session)])
            leader.close()
            assert follower.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_follower_that_died_does_not_block_the_queue(server, url, name, opened):
    """P7: A place whose session has ended is removed by the next one, who is then called at once."""
    leader, dead, heir = (opened(settings=CALM).elector(name, who) for who in ("leader", "dead", "heir"))
    leader.acquire_leadership()
    dead.acquire_leadership()
    place = places(server, name)[0]
    heir.acquire_leadership()
    called = threading.Event()
    heir.notify = called.set
    server.ask("PUT", f"/v1/session/destroy/{place['Session']}")
    stage.eventually(lambda: place["Key"] not in [pair["Key"] for pair in places(server, name)])
    called.clear()
    leader.relinquish_leadership()
    assert called.wait(stage.PATIENCE)
    assert heir.acquire_leadership() is not None


def test_a_frozen_predecessor_costs_only_a_poll(server, name, opened):
    """P7: A first in the queue that does not act keeps nobody from leading: only the key decides."""
    leader, sleeper, heir = (opened(settings=CALM).elector(name, who) for who in ("leader", "sleeper", "heir"))
    leader.acquire_leadership()
    sleeper.acquire_leadership()
    heir.acquire_leadership()
    leader.relinquish_leadership()
    assert heir.acquire_leadership() is not None
    assert sleeper.acquire_leadership() is None


def test_a_dead_engine_is_succeeded(server, name, opened):
    """P7: While its engine hangs, a session is renewed all the same: a claim that nobody checks ends with its ttl."""
    leader, heir = (opened(settings=stage.SHORT).elector(name, who) for who in ("leader", "heir"))
    claim = leader.acquire_leadership()
    stage.lead(heir, 3 * stage.TTL)
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert claim.guarantee <= now - claim.sent < 2 * stage.TTL
    assert leader.check_leadership() is None


def test_a_deaf_candidate_leaves_the_queue(server, name, opened):
    """P7: Who was told that it may lead, and does not ask, loses its place."""
    leader, deaf = (opened(settings=stage.SHORT).elector(name, who) for who in ("leader", "deaf"))
    leader.acquire_leadership()
    deaf.acquire_leadership()
    assert len(places(server, name)) == 1
    leader.relinquish_leadership()
    stage.eventually(lambda: places(server, name) == [], 3 * stage.TTL)


def test_failed_tries_leak_no_session(server, name, opened):
    """P8: A thousand tries in vain leave one session and one place."""
    opened(settings=CALM).elector(name, "leader").acquire_leadership()
    before = stage.sessions(server)
    waiting = opened(settings=CALM).elector(name, "waiting")
    for _ in range(1000):
        assert waiting.acquire_leadership() is None
    assert len(stage.sessions(server) - before) == 1
    assert len(places(server, name)) == 1
    waiting.close()
    assert stage.sessions(server) - before == set()


def test_bad_answers_are_no_answers(server, name, opened):
    """P1: `null`, "true" and 1 are no True; what makes no sense is an unknown outcome, whatever the library raises."""
    client = opened().client
    session = str(uuid.uuid4())
    for body in ("null", '"true"', "1", "[]", "{}", "nonsense", "[" * 100_000, '[{"Key": 1}]'):
        canned = _canned(client, body)
        with canned:
            with suppress(BackendUnavailableError):
                assert client.acquire("k", session, "v") is False
            with suppress(BackendUnavailableError):
                assert client.get("k") is None
            with suppress(BackendUnavailableError):
                assert client.renew_session(session) is False
            with suppress(BackendUnavailableError):
                assert isinstance(client.lock("k", session, "v", 1, modify_index=0, leave="x", since=1.0), str)
            with suppress(BackendUnavailableError):
                assert client.trees(["k"]) == {}


def places(server, name):
    """The places in the queue, as a server shows them."""
    return server.ask("GET", f"/v1/kv/{name}/.queue/?recurse") or []


class _canned:  # noqa: N801 - reads as a word
    """Have *client* get *body* for whatever it asks, inside the block."""

    def __init__(self, client, body: str) -> None:
        self._pool, self._body = client.pool, body

    def __enter__(self) -> None:
        from incumbent_consul._connection import Answer

        self._pool.ask = lambda request: Answer(200, {"X-Consul-Index": "1"}, self._body)

    def __exit__(self, *_: object) -> None:
        del self._pool.ask
