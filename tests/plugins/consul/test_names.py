"""A host that is a name with several addresses, of which one is dead, or says nothing."""

from __future__ import annotations

import socket
import threading

import consul_stage as stage
import pytest
from names import assert_leading_beside, dead_address, named, silent_address

from incumbent import BackendUnavailableError, LeaderElection

ALIVE, OTHER = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def host(name):
    """A name of which nothing is remembered."""
    return f"{name.rpartition('/')[2]}.test"


@pytest.mark.parametrize("order", [(OTHER, ALIVE), (ALIVE, OTHER)])
@pytest.mark.parametrize("gone", [dead_address, silent_address])
def test_an_address_that_does_not_answer_keeps_nobody_from_leading(server, name, host, gone, order):
    """P7, P10: Whichever address of a name does not answer, and however it is silent, the others are used."""
    config = stage.config(name, ttl=30.0, request_timeout=1.0)
    with gone(server.port, OTHER), named(*order, name=host):
        assert_leading_beside(config, stage.url(f"{host}:{server.port}"))


def test_a_host_that_is_dead_keeps_nobody_from_leading(server, name):
    """P7, P10: Of several hosts too, those that drop what would open a connection leave time for the next."""
    config = stage.config(name, ttl=30.0, request_timeout=1.0)
    with dead_address(server.port, OTHER), dead_address(server.port, "127.0.0.3"):
        url = stage.url(*(f"{address}:{server.port}" for address in (OTHER, "127.0.0.3", ALIVE)))
        with LeaderElection(config, url) as election:
            assert election.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_the_address_that_answered_is_remembered(server, name, host, opened, monkeypatch):
    """P10: An address that is dead is not tried again before one that has answered."""
    tried, connect = [], socket.socket.connect

    def connected(sock, where):
        tried.append(where[0])
        return connect(sock, where)

    with dead_address(server.port), named(OTHER, ALIVE, name=host):
        url = stage.url(f"{host}:{server.port}")
        assert opened(url).elector(name, "a").acquire_leadership() is not None
        monkeypatch.setattr(socket.socket, "connect", connected)
        assert opened(url).elector(name, "b").acquire_leadership() is None
    assert ALIVE in tried
    assert OTHER not in tried


def test_a_resolver_that_hangs_costs_a_call_its_timeout(name, host, opened, monkeypatch):
    """P10: A call ends in time while the resolver does not answer."""
    answer, given_up = threading.Event(), threading.Event()

    def hang(*_: object, **__: object):
        answer.wait(stage.PATIENCE)
        given_up.set()
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    elector = opened(stage.url(host), stage.BRIEF).elector(name, "a")
    with pytest.raises(BackendUnavailableError, match=f"{host}:8500: no answer in time"):
        elector.acquire_leadership()
    assert not given_up.is_set()
    answer.set()
    assert given_up.wait(stage.PATIENCE)
