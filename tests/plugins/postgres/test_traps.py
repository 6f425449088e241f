"""What goes wrong elsewhere: lost answers, late requests, clocks that step, other people's locks and rows."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import postgres_stage as stage
import psycopg
import pytest
from forking import Endings, Forks

from incumbent import Address, BackendUnavailableError, ConfigurationError
from incumbent.testing import FaultProxy
from incumbent.toolkit.beat_sightings import Sightings
from incumbent_postgres._options import Options
from incumbent_postgres._records import record_of
from incumbent_postgres._rows import Entry


def through(proxy: FaultProxy) -> str:
    return f"postgres://postgres@{proxy}/postgres"


def rows(server, name: str):
    return server.sql("SELECT claim, token FROM incumbent.election WHERE lock_id = %s", name)


def claim_in_the_dark(backend, proxy: FaultProxy, direction, monkeypatch) -> None:
    """Have the next message that claims, and nothing before it, go through a wire that is dead in that direction."""
    claim = backend.store.claim

    def without_answer(*values):
        proxy.freeze(direction)
        return claim(*values)

    monkeypatch.setattr(backend.store, "claim", without_answer)


# ---------------------------------------------------------------- answers that are lost, requests that are late


def test_lost_answer_to_a_commit_is_recognised(server, opened, name, monkeypatch):
    """P7: A claim that was committed, but whose answer was lost, is our own at the next attempt, and nobody else's."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(through(proxy), stage.BRIEF)
        elector = backend.elector(name, "a")
        with monkeypatch.context() as patch:
            claim_in_the_dark(backend, proxy, "to client", patch)
            with pytest.raises(BackendUnavailableError):
                elector.acquire_leadership()
        ((_, token),) = rows(server, name)  # the trap: it is there, and we were told of a failure
        proxy.heal()
        assert opened().elector(name, "b").acquire_leadership() is None
        claim = stage.lead(elector)
        assert claim.token == token
        backend.close()


def test_late_claim_of_who_has_left_finds_no_session(server, opened, name, monkeypatch):
    """P8: A claim that reaches the server after its elector has closed is not made: its session is gone."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(through(proxy), stage.BRIEF)
        elector = backend.elector(name, "a")
        with monkeypatch.context() as patch:
            claim_in_the_dark(backend, proxy, "to server", patch)
            with pytest.raises(BackendUnavailableError):
                elector.acquire_leadership()
        backend.pool.options = Options.of(Address.parse(server.url))  # another wire, for the farewell
        elector.close()
        before = server.sql("SELECT last_value, is_called FROM incumbent.election_token_seq")
        proxy.heal()
        # It arrives: the token is drawn, and then the row refused.
        stage.eventually(lambda: server.sql("SELECT last_value, is_called FROM incumbent.election_token_seq") != before)
        stage.eventually(lambda: proxy.connections <= 1)
        assert rows(server, name) == []
        backend.close()


def test_late_claim_is_swept_by_the_next_renewal(server, opened, name, monkeypatch):
    """P8: While another election of the backend is led, a late claim is deleted by the next renewal."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(through(proxy), stage.BRIEF)
        other, elector = backend.elector(f"{name}/other", "a"), backend.elector(name, "a")
        stage.lead(other)
        with monkeypatch.context() as patch:
            claim_in_the_dark(backend, proxy, "to server", patch)
            with pytest.raises(BackendUnavailableError):
                elector.acquire_leadership()
        backend.pool.options = Options.of(Address.parse(server.url))
        elector.close()
        proxy.heal()
        stage.eventually(lambda: rows(server, name))  # the trap: it is made after the farewell
        assert other.check_leadership() is not None
        assert rows(server, name) == []
        backend.close()


@pytest.mark.parametrize("next_attempt", ["is refused", "leads"])
def test_late_claim_is_swept_whatever_the_next_attempt_brought(server, opened, name, monkeypatch, next_attempt):
    """P8: That a later attempt was answered does not make the late claim of an earlier one stay for ever."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend, rival = opened(through(proxy), stage.BRIEF), opened().elector(name, "b")
        other, elector = backend.elector(f"{name}/other", "a"), backend.elector(name, "a")
        stage.lead(other)
        with monkeypatch.context() as patch:
            claim_in_the_dark(backend, proxy, "to server", patch)
            with pytest.raises(BackendUnavailableError):
                elector.acquire_leadership()
        backend.pool.options = Options.of(Address.parse(server.url))
        if next_attempt == "is refused":
            claim = backend.store.claim

            def come_too_late(*values):
                stage.lead(rival)
                return claim(*values)

            with monkeypatch.context() as patch:
                patch.setattr(backend.store, "claim", come_too_late)
                assert elector.acquire_leadership() is None
            assert rival.relinquish_leadership()
        else:
            stage.lead(elector)
            assert elector.relinquish_leadership()
        elector.close()
        proxy.heal()
        stage.eventually(lambda: rows(server, name))  # the trap: it is made after the farewell
        stage.eventually(lambda: other.check_leadership() and not rows(server, name))
        backend.close()


def test_late_relinquishing_spares_the_next_term(server, opened, name):
    """P1: What ends one term names its claim, so that it cannot end the next one when it comes late."""
    backend = opened()
    elector = backend.elector(name, "a")
    stage.lead(elector)
    first = elector.owner
    elector.relinquish_leadership()
    stage.lead(elector)
    assert backend.store.relinquish(name, first) is False
    assert elector.check_leadership() is not None


def test_claim_renews_its_session(server, opened, name):
    """P2: Who waits counts from when it first saw the beat that a claim has: so a new claim has a new one."""
    backend = opened()
    stage.lead(backend.elector(f"{name}/other", "a"))
    beat = server.sql("SELECT beat FROM incumbent.session WHERE id = %s", backend.session.id)
    stage.lead(backend.elector(name, "a"))
    assert server.sql("SELECT beat FROM incumbent.session WHERE id = %s", backend.session.id) != beat


# ---------------------------------------------------------------- clocks


def test_servers_clock_plays_no_part(server, opened, name):
    """P1: Whatever the server's clock says of a renewal, a leader is succeeded after a ttl of silence, not before."""
    scenes, settings = [], stage.settings(6.0)
    for renewed in ("2000-01-01", "2100-01-01"):  # side by side: each waits for ttls
        backend = opened(settings=settings)
        a, b = backend.elector(f"{name}/{renewed}", "a"), opened(settings=settings).elector(f"{name}/{renewed}", "b")
        stage.lead(a)
        scenes.append((renewed, backend.session, a, b))
    claims = []
    for _ in range(8):
        claims = []
        for renewed, session, a, b in scenes:
            assert server.sql(
                "UPDATE incumbent.session SET renewed = %s WHERE id = %s RETURNING id", renewed, session.id
            )
            assert b.acquire_leadership() is None, renewed
            claim = a.check_leadership()
            assert claim is not None, renewed
            claims.append(claim)
        time.sleep(settings.ttl / 5)
    for (renewed, _, _, b), claim in zip(scenes, claims, strict=True):
        stage.lead(b)
        assert b._clock() - claim.sent >= settings.ttl * 0.99, renewed


def test_what_one_server_shows_says_nothing_of_another():
    """P1: After a fail-over silence is counted anew: the new server may lack renewals that the old one answered."""
    now = [100.0]
    sightings = Sightings(lambda: now[0])

    def saw(server: str, beat: str) -> float:
        entry = Entry("reports", "c", 1, "a", 0.0, "s", beat, 15.0, is_fresh=True, server=server)
        return sightings.saw("reports", record_of(entry))

    assert saw("one", "x") == 15.0
    now[0] += 10.0
    assert saw("one", "x") == 5.0
    assert saw("two", "x") == 15.0
    now[0] += 15.0
    assert saw("two", "x") == 0.0
    assert saw("two", "y") == 15.0


def test_silence_on_one_server_ends_nothing_on_another(victim, opened, name):
    """P1: Who has seen silence, and whose request then comes to another run of a server, waits for a ttl there."""
    a, b = opened(victim.url).elector(name, "a"), opened(victim.url)
    stage.lead(a)
    silent = b.store.look([name])[name]
    victim.kill()
    victim.restart()
    stage.lead(b.elector(f"{name}/other", "b"))
    assert b.store.claim(name, b.session.id, "other", "b", silent) is None
    (now,) = b.store.look([name]).values()
    assert now.server != silent.server
    assert b.store.claim(name, b.session.id, "other", "b", now) is not None


def test_renewal_in_the_last_moment_saves_the_leader(server, opened, name):
    """P1: Who has waited for a ttl ends the session only if it was not renewed since it looked."""
    a, b = opened().elector(name, "a"), opened()
    stage.lead(a)
    silent = b.store.look([name])[name]
    assert a.check_leadership() is not None
    b.session.renewal()
    assert b.store.claim(name, b.session.id, "other", "b", silent) is None
    assert a.check_leadership() is not None


# ---------------------------------------------------------------- tokens


def test_tokens_grow_when_the_schema_is_dropped(victim, opened, name):
    """P4: Tables that were dropped are made again, and their tokens go on growing."""
    elector = opened(victim.url).elector(name, "a")
    first = stage.lead(elector)
    victim.sql("DROP SCHEMA incumbent CASCADE")
    assert elector.check_leadership() is None
    assert stage.lead(elector).token > first.token


def test_tokens_are_in_the_order_of_the_terms(server, opened, name):
    """P4: In a crowd that hands over as fast as it can, each term's token is larger than those of the terms before."""
    tokens: list[int] = []
    electors = [opened(settings=stage.settings(60.0)).elector(name, str(number)) for number in range(8)]

    def serve(elector) -> None:
        for _ in range(100):
            claim = elector.acquire_leadership()
            if claim is not None:
                tokens.append(claim.token)
                assert elector.relinquish_leadership()

    with ThreadPoolExecutor(len(electors)) as pool:
        list(pool.map(serve, electors))
    assert len(tokens) > len(electors)
    assert tokens == sorted(set(tokens))


def test_tokens_are_drawn_in_turn(victim, opened, name):
    """P4: Who is held up between drawing its token and writing its row does not lead after one with a larger token."""
    slow, quick = (opened(victim.url, stage.settings(90.0, 30.0)).elector(name, who) for who in ("slow", "quick"))
    stage.lead(quick)
    assert quick.relinquish_leadership()
    victim.sql(
        "CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END'"
    )
    victim.sql(
        "CREATE TRIGGER hold_up BEFORE INSERT ON incumbent.election FOR EACH ROW WHEN (NEW.candidate = 'slow') "
        "EXECUTE FUNCTION hold_up()"
    )
    tokens: list[int] = []

    def serve(elector) -> None:
        claim = elector.acquire_leadership()
        if claim is not None:
            tokens.append(claim.token)
            assert elector.relinquish_leadership()

    def waiting() -> int:
        return len(victim.sql("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

    with ThreadPoolExecutor(2) as pool, psycopg.connect(victim.url.replace("postgres://", "postgresql://")) as blocker:
        blocker.execute("SELECT pg_advisory_lock(1)")
        first = pool.submit(serve, slow)
        stage.eventually(lambda: waiting() == 1)  # it has its token
        second = pool.submit(serve, quick)
        stage.eventually(lambda: waiting() == 2 or second.done())
        blocker.execute("SELECT pg_advisory_unlock(1)")
        first.result()
        second.result()
    assert tokens
    assert tokens == sorted(tokens)


# ---------------------------------------------------------------- other people's locks, settings and rows


@pytest.mark.parametrize("lock", ["SELECT * FROM incumbent.session FOR UPDATE", "LOCK TABLE incumbent.election"])
def test_somebodys_lock_is_not_waited_for(server, opened, name, lock):
    """P10: An open transaction that has locked our row or table costs a call its timeout, and nothing else."""
    settings = stage.settings(request_timeout=4.0)  # of which half is for the lock
    elector = opened(settings=settings).elector(name, "a")
    stage.lead(elector)
    with psycopg.connect(server.url.replace("postgres://", "postgresql://")) as blocker:
        blocker.execute(lock)
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError, match="lock timeout"):
            elector.check_leadership()
        assert time.monotonic() - began < settings.request_timeout
    assert elector.check_leadership() is not None


def test_settings_of_the_role_are_overruled(victim, opened, name):
    """P4: Whatever a role has set, our transactions see each commit, and are on disk when they are answered."""
    victim.sql("CREATE ROLE hasty LOGIN SUPERUSER")
    for setting in ("synchronous_commit = off", "default_transaction_isolation = serializable"):
        victim.sql(f"ALTER ROLE hasty SET {setting}")
    backend = opened(victim.url.replace("postgres@", "hasty@"))
    stage.lead(backend.elector(name, "a"))
    shown = backend.pool.run(f"{backend.store.layout._preamble} SHOW synchronous_commit; SHOW transaction_isolation")
    assert shown == [[("on",)], [("read committed",)]]
    assert backend.pool.run("SHOW synchronous_commit") == [[("off",)]]  # nothing outlives the message


def test_connection_that_was_ended_while_idle_costs_nothing(server, opened, name):
    """P7: What the server has ended in a pause (idle_session_timeout, a restart, an operator) is not used again."""
    elector = opened().elector(name, "a")
    stage.lead(elector)
    for _ in range(5):
        server.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'incumbent'")
        assert elector.check_leadership() is not None


def test_statement_timeout_is_an_unknown_outcome(victim, opened, name):
    """P10: A statement that the server cancels is asked again, and ends no run."""
    stage.lead(opened(victim.url).elector(f"{name}/first", "a"))
    victim.sql("CREATE ROLE hurried LOGIN SUPERUSER")
    victim.sql("ALTER ROLE hurried SET statement_timeout = 50")
    elector = opened(victim.url.replace("postgres@", "hurried@")).elector(name, "a")
    stage.lead(elector)
    with psycopg.connect(victim.url.replace("postgres://", "postgresql://")) as blocker:
        blocker.execute("LOCK TABLE incumbent.election")
        with pytest.raises(BackendUnavailableError, match="statement timeout"):
            elector.check_leadership()
    assert elector.check_leadership() is not None


def test_foreign_rows_are_only_data(server, opened, name):
    """P1: Control characters, an absurd token and an absurd id of somebody else's row break nothing."""
    server.sql("INSERT INTO incumbent.session VALUES ('them', 'x', 1, clock_timestamp()) ON CONFLICT DO NOTHING")
    server.sql(
        "INSERT INTO incumbent.election OVERRIDING SYSTEM VALUE VALUES (%s, 'them', %s, %s, 9223372036854775807)",
        name,
        "'; DROP TABLE incumbent.election; --",
        "\x1b[2J\n\u202e" + "x" * 10000,
    )
    elector = opened().elector(name, "b")
    record = elector.observe_leadership()
    assert record.candidate is not None
    assert record.token == 2**63 - 1
    assert elector.acquire_leadership() is None
    assert stage.lead(elector).token < 2**63 - 1


def test_senseless_rows_are_told(victim, opened, name):
    """P5: A ttl that no elector writes is refused by the table, and without that by the reader, in one line."""
    elector = opened(victim.url).elector(name, "a")
    stage.lead(elector)
    for ttl in ("0", "-1", "'NaN'", "'infinity'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            victim.sql(f"UPDATE incumbent.session SET ttl = {ttl}")
    victim.sql("ALTER TABLE incumbent.session DROP CONSTRAINT session_ttl_check")
    victim.sql("UPDATE incumbent.session SET ttl = 'NaN'")
    for read in (elector.observe_leadership, opened(victim.url).elector(name, "b").acquire_leadership):
        with pytest.raises(BackendUnavailableError, match="makes no sense") as caught:
            read()
        assert len(str(caught.value).splitlines()) == 1


def test_senseless_row_harms_its_own_election_only(victim, opened, name, monkeypatch):
    """P7: While the row of one election makes no sense, others of the same backend still get their news."""
    bad, leader, backend = (opened(victim.url, stage.SHORT) for _ in range(3))
    monkeypatch.setattr(backend.beats, "tell", lambda *_, **__: None)  # the look alone
    stage.lead(bad.elector(f"{name}/bad", "a"))
    elector = leader.elector(name, "a")
    stage.lead(elector)
    victim.sql("ALTER TABLE incumbent.session DROP CONSTRAINT session_ttl_check")
    victim.sql("UPDATE incumbent.session SET ttl = 'NaN' WHERE id = %s", bad.session.id)
    with pytest.raises(BackendUnavailableError, match="makes no sense"):
        backend.elector(f"{name}/bad", "b").acquire_leadership()
    follower, told = backend.elector(name, "b"), threading.Event()
    follower.notify = told.set
    assert follower.acquire_leadership() is None
    told.clear()
    elector.relinquish_leadership()
    assert told.wait(stage.TTL)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a" * 3000, "ä" * 1500])
def test_names_that_do_not_fit_are_refused(opened, text):
    """Contract: What PostgreSQL cannot keep apart or store is refused when the elector is made."""
    backend = opened()
    for names in ((text, "a"), ("a", text)):
        with pytest.raises(ConfigurationError) as caught:
            backend.elector(*names)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["it's", "back\\slash", 'quo"te', "E'x", "$$", "%s {x}", "ä€😀", "\x1b", "-- ", "'; --"]
)
def test_any_other_name_is_kept_as_it_is(server, opened, name, text):
    """P1: Quotes, backslashes and the like in names reach the table unchanged."""
    elector = opened().elector(f"{name}{text}", text)
    claim = stage.lead(elector)
    record = opened().elector(f"{name}{text}", "b").observe_leadership()
    assert (record.candidate, record.token) == (text, claim.token)
    assert server.sql("SELECT candidate FROM incumbent.election WHERE lock_id = %s", f"{name}{text}") == [(text,)]


def test_thousand_tries_leak_nothing(victim, opened, name):
    """P8: A thousand vain attempts use the connections that are there, and closing ends all of them."""
    stage.lead(opened(victim.url, stage.settings(60.0, 10.0)).elector(name, "a"))
    stage.eventually(lambda: stage.connections(victim) == 2)  # the leader's: it watches on a thread that has just begun
    threads = threading.active_count()
    backend = opened(victim.url, stage.settings(60.0, 10.0))
    elector = backend.elector(name, "b")
    for _ in range(1000):
        assert elector.acquire_leadership() is None
    assert stage.connections(victim) <= 2 + 2, "one for statements, one that watches"
    assert threading.active_count() <= threads + 1
    elector.close()
    backend.close()
    stage.eventually(lambda: stage.connections(victim) == 2)
    assert threading.active_count() <= threads


class TestForks(Forks):
    """On a real server."""

    library = "psycopg.pq"


class TestEndings(Endings):
    """On a real server."""
