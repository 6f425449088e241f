"""The fault proxy: what it does to a connection is what a broken network does."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from incumbent.testing import FaultProxy

#: Seconds that something may take which happens at once on an idle machine.
SOON = 20.0
#: Seconds in which what must not come would have come.
QUIET = 0.3


@pytest.fixture
def echo():
    """Run a server that sends back what it gets, and return its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with connection, suppress(ConnectionError):
            while data := connection.recv(4096):
                connection.sendall(data)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=serve, args=(connection,))
            thread.start()
            threads.append(thread)

    threads = []
    acceptor = threading.Thread(target=accept)
    acceptor.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    acceptor.join()
    for thread in threads:
        thread.join()


@pytest.fixture
def proxy(echo):
    """Put a proxy in front of the server."""
    with FaultProxy("127.0.0.1", echo) as made:
        yield made


@pytest.fixture
def client(proxy):
    """Connect through the proxy, and see that it works."""
    with socket.create_connection((proxy.host, proxy.port), SOON) as made:
        assert said(made, b"hello") == b"hello"
        yield made


def said(client, data):
    client.sendall(data)
    return client.recv(4096)


def said_twice(client):
    """What is sent first may still be taken by the kernel."""
    for _ in range(2):
        said(client, b"?")


def test_bytes_pass_unchanged_in_both_directions_and_the_tap_sees_them(echo):
    """Without a fault the proxy is not noticed, and who asked for it sees every byte."""
    seen = []
    with (
        FaultProxy("127.0.0.1", echo, tap=lambda way, data: seen.append((way, data))) as proxy,
        socket.create_connection((proxy.host, proxy.port), SOON) as client,
    ):
        assert said(client, b"abc") == b"abc"
    assert seen == [("to server", b"abc"), ("to client", b"abc")]


@pytest.mark.parametrize("direction", [None, "to server", "to client"])
def test_frozen_bytes_arrive_when_it_is_healed(proxy, client, direction):
    """A freeze loses nothing: what was sent during it is answered after it."""
    proxy.freeze(direction)
    client.sendall(b"late")
    client.settimeout(QUIET)
    with pytest.raises(TimeoutError):
        client.recv(4096)
    proxy.heal()
    client.settimeout(SOON)
    assert client.recv(4096) == b"late"


def test_frozen_proxy_still_accepts(proxy, client):
    """A frozen server's kernel accepts connections, and nothing comes on them."""
    proxy.freeze()
    with socket.create_connection((proxy.host, proxy.port), SOON) as second:
        second.sendall(b"?")
        second.settimeout(QUIET)
        with pytest.raises(TimeoutError):
            second.recv(4096)


def test_stalled_connection_is_silent_beside_new_ones(proxy, client):
    """A stall is one connection's: who connects anew is answered, and what was sent on the old one arrives at last."""
    proxy.stall()
    client.sendall(b"late")
    with socket.create_connection((proxy.host, proxy.port), SOON) as second:
        assert said(second, b"new") == b"new"
    client.settimeout(QUIET)
    with pytest.raises(TimeoutError):
        client.recv(4096)
    proxy.heal()
    client.settimeout(SOON)
    assert client.recv(4096) == b"late"


def test_held_piece_and_all_after_it_arrive_when_it_is_healed(proxy, client):
    """What comes before the piece that is named passes; it is told when that one has come, and healing lets it pass."""
    came = proxy.hold(2)
    assert said(client, b"first") == b"first"
    assert not came.is_set()
    client.sendall(b"second")
    assert came.wait(SOON)
    with socket.create_connection((proxy.host, proxy.port), SOON) as other:
        other.sendall(b"third")
        other.settimeout(QUIET)
        with pytest.raises(TimeoutError):
            other.recv(4096)
        proxy.heal()
        client.settimeout(SOON)
        other.settimeout(SOON)
        assert (client.recv(4096), other.recv(4096)) == (b"second", b"third")


def test_who_has_vanished_neither_accepts_nor_refuses(proxy, client):
    """A host that is gone lets who connects wait, and says nothing to who is connected; healed, it serves both."""
    proxy.vanish()
    with pytest.raises(TimeoutError), socket.create_connection((proxy.host, proxy.port), QUIET):
        pass
    client.settimeout(QUIET)
    with pytest.raises(TimeoutError):
        said(client, b"late")
    proxy.heal()
    client.settimeout(SOON)
    assert client.recv(4096) == b"late"
    with socket.create_connection((proxy.host, proxy.port), SOON) as second:
        assert said(second, b"back") == b"back"


def test_reset_ends_connections_and_lets_new_ones_in(proxy, client):
    """A RST ends what is open, as a rebooted server does, and the next connection works."""
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(4096)
    with socket.create_connection((proxy.host, proxy.port), SOON) as second:
        assert said(second, b"again") == b"again"


def test_cut_ends_connections_until_it_is_healed(proxy, client):
    """After a cut nobody gets through; after healing everybody does."""
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(4096)
    with pytest.raises(ConnectionError), socket.create_connection((proxy.host, proxy.port), SOON) as second:
        said_twice(second)
    proxy.heal()
    with socket.create_connection((proxy.host, proxy.port), SOON) as third:
        assert said(third, b"back") == b"back"


def test_trickle_passes_bytes_one_at_a_time(echo):
    """A trickling server keeps a connection alive and never ends a message in one piece."""
    pieces = {"to server": [], "to client": []}
    with (
        FaultProxy("127.0.0.1", echo, tap=lambda way, piece: pieces[way].append(piece)) as proxy,
        socket.create_connection((proxy.host, proxy.port), SOON) as client,
    ):
        proxy.trickle(1)
        answer = said(client, b"slow")
        while len(answer) < 4:
            answer += client.recv(4096)
    assert list(pieces.values()) == [[b"s", b"l", b"o", b"w"]] * 2


def test_server_that_is_not_there_is_a_reset(unused_tcp_port):
    """The proxy stands in front of a dead server as well."""
    with (
        FaultProxy("127.0.0.1", unused_tcp_port) as proxy,
        pytest.raises(ConnectionError),
        socket.create_connection((proxy.host, proxy.port), SOON) as client,
    ):
        said_twice(client)


@pytest.fixture
def unused_tcp_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_closing_leaves_no_thread_and_no_connection(echo):
    """P8: A closed proxy is gone, also with connections open and frozen."""
    before = threading.active_count()
    proxy = FaultProxy("127.0.0.1", echo)
    with socket.create_connection((proxy.host, proxy.port), SOON) as client:
        assert said(client, b"x") == b"x"
        assert proxy.connections == 1
        proxy.freeze()
        proxy.close()
        with pytest.raises(ConnectionResetError):
            client.recv(4096)
    proxy.close()
    assert proxy.connections == 0
    assert threading.active_count() <= before + 1  # the echo server's own


def test_who_comes_at_the_last_moment_is_closed_too(echo, monkeypatch):
    """P8: asyncio loses whom it has accepted and not served yet when its server is closed; no socket stays for that."""
    ask, asked, waits = asyncio.run_coroutine_threadsafe, threading.Event(), threading.Event()

    def wait_until_asked(*_):
        waits.set()
        asked.wait(SOON)

    def ask_and_tell(*arguments):
        future = ask(*arguments)
        asked.set()
        return future

    with FaultProxy("127.0.0.1", echo, tap=wait_until_asked) as proxy, ExitStack() as clients:

        def client():
            return clients.enter_context(socket.create_connection((proxy.host, proxy.port), SOON))

        client().sendall(b"x")
        assert waits.wait(SOON)  # and its thread does nothing, until it is asked to end
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", ask_and_tell)
        others = [client() for _ in range(20)]
        proxy.close()
        for other in others:
            with suppress(ConnectionResetError):
                assert other.recv(1) == b""
    gc.collect()  # what was not closed is an error of this test


def test_closing_while_it_reaches_for_the_server_is_quiet(caplog):
    """A server that does not take connections, as its backlog is full, makes the end of the proxy no error."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with (
            socket.create_connection(address, SOON),  # the backlog is full
            FaultProxy(*address) as proxy,
            socket.create_connection((proxy.host, proxy.port), SOON) as client,
        ):
            end = time.monotonic() + SOON
            while not proxy.accepted:
                assert time.monotonic() < end
                time.sleep(0.01)
            proxy.close()
            client.settimeout(SOON)
            with suppress(ConnectionError):
                assert client.recv(1) == b""
    assert caplog.text == ""
