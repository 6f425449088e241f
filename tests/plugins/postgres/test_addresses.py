"""A name with several addresses, of which some are dead: the others are used, and who answered is remembered."""

from __future__ import annotations

import socket

import postgres_stage as stage
import pytest
from names import NAME, dead_address, named

from incumbent import BackendUnavailableError, open_backend

#: Requests that are answered, though a second of their time is waited for who is gone.
PATIENT = stage.settings(60.0)
LIVE, DEAD = "127.0.0.1", "127.0.0.2"


def url(server: stage.Postgres, host: str = NAME, options: str = "") -> str:
    return f"postgres://postgres@{host}:{server.port}/postgres{options}"


def connections_made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the address of each connection that is begun from now on."""
    from psycopg import pq

    begun: list[str] = []
    connect_start = pq.PGconn.connect_start

    class Noting:
        def __getattr__(self, name):
            return getattr(pq.PGconn, name)

        @staticmethod
        def connect_start(conninfo):
            begun.append(dict(part.split("=", 1) for part in conninfo.decode().split())["hostaddr"])
            return connect_start(conninfo)

    monkeypatch.setattr(pq, "PGconn", Noting())
    return begun


@pytest.mark.parametrize("addresses", [(DEAD, LIVE), (LIVE, DEAD), (DEAD, "127.0.0.3", LIVE)])
def test_whichever_address_answers_leads(server, opened, name, addresses):
    """P10: An address that drops what is sent costs its share of a request's time, and no request."""
    with dead_address(server.port, DEAD), dead_address(server.port, "127.0.0.3"), named(*addresses):
        assert opened(url(server), PATIENT).elector(name, "a").acquire_leadership() is not None


def test_address_that_answered_is_used_first(server, opened, name, monkeypatch):
    """P7: Once it is known who is dead, connections cost nothing any more: for all backends of the process."""
    with dead_address(server.port, DEAD), named(DEAD, LIVE):
        assert opened(url(server), PATIENT).elector(name, "a").acquire_leadership() is not None
        begun = connections_made(monkeypatch)
        assert opened(url(server), PATIENT).elector(name, "b").acquire_leadership() is None
        assert set(begun) == {LIVE}


def test_address_is_named_with_what_is_wrong(server, opened, name):
    """Who reads why nobody answers learns at which of a name's addresses."""
    with (
        named("127.0.0.3"),
        pytest.raises(BackendUnavailableError, match=r"service\.test:\d+ \(127\.0\.0\.3\): .*refused"),
    ):
        opened(url(server), PATIENT).elector(name, "a").acquire_leadership()


def test_dead_host_leaves_time_for_the_next(server, opened, name):
    """P10: Hosts of a URL share the time in the same way: one that drops what is sent costs no request."""
    with dead_address(server.port, DEAD):
        elector = opened(url(server, f"{DEAD}:{server.port},{LIVE}"), PATIENT).elector(name, "a")
        assert elector.acquire_leadership() is not None


def test_localhost_that_is_ipv6_first(server, opened, name):
    """P10: `localhost` is `::1` first in many places, where a server may not listen, or not answer."""
    with named("::1", LIVE, name="localhost"):
        assert opened(url(server, "localhost"), PATIENT).elector(name, "a").acquire_leadership() is not None
        with dead_address(server.port, "::1"):
            elector = opened(url(server, "localhost"), PATIENT).elector(f"{name}/dead", "a")
            assert elector.acquire_leadership() is not None


def test_silent_address_is_left(server, opened, name):
    """P10: One that takes the connection, and is silent then, costs one request; the next is for the other address."""
    with socket.create_server((DEAD, server.port)), named(DEAD, LIVE):
        elector = opened(url(server), stage.settings(60.0, 1.0)).elector(name, "a")
        stage.lead(elector)


def test_standby_behind_the_same_name_is_passed_over(victim, opened, name):
    """P1: Of a name that stands for a primary and its standbys, the address that takes writes is used."""
    standby = stage.Postgres(primary=victim, where=(DEAD, victim.port))
    try:
        standby.start()
        with named(DEAD, LIVE):
            assert opened(url(victim)).elector(name, "a").acquire_leadership() is not None
    finally:
        standby.stop()


def test_names_of_the_environment_are_looked_up_alike(server, opened, name, monkeypatch):
    """P10: What PGHOST says is treated as a URL's hosts are."""
    monkeypatch.setenv("PGHOST", NAME)
    monkeypatch.setenv("PGPORT", str(server.port))
    with dead_address(server.port, DEAD), named(DEAD, LIVE):
        elector = opened("postgres://postgres@/postgres", PATIENT).elector(name, "a")
        assert elector.acquire_leadership() is not None


def test_doctor_passes_over_a_dead_address(server):
    """The doctor looks at a host as an elector does, and counts a server once."""
    with dead_address(server.port, DEAD), named(DEAD, LIVE):
        backend = open_backend(url(server), PATIENT)
        assert [finding.text for finding in backend.diagnose() if finding.level == "error"] == []
        backend.close()
