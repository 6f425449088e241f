"""The transport to one endpoint: HTTP as it is on the wire, between a request and the next one on its connection."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from incumbent import BackendUnavailableError
from incumbent_consul._connection import Connection, Request
from incumbent_consul._endpoint import Endpoint

PATIENCE = 10.0


class Scripted:
    """A server that answers the requests it gets with *replies*, bytes for bytes, whatever connection they come on."""

    def __init__(self, *replies: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint(*self._listener.getsockname())
        #: What was received before each reply.
        self.requests: list[bytes] = []
        self.accepted = 0
        self._replies = iter(replies)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with sock:
                while request := sock.recv(100_000):
                    self.requests.append(request)
                    reply = next(self._replies)
                    sock.sendall(reply)
                    if b"Connection: close" in reply or not reply:
                        break

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)


@pytest.fixture
def connect() -> Iterator:
    """Return a connection to a server that gives the replies, and that server."""
    made = []

    def connected(*replies: bytes) -> tuple[Connection, Scripted]:
        server = Scripted(*replies)
        connection = Connection(server.endpoint)
        made.append((connection, server))
        return connection, server

    yield connected
    for connection, server in made:
        connection.close()
        server.close()


def reply(body: str, *headers: str) -> bytes:
    """Return a whole answer."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", body]).encode()


def ask(connection: Connection, method: str = "GET", body: bytes = b"", **headers: str):
    return connection.ask(Request(method, "/v1/kv/a", body, headers), time.monotonic() + PATIENCE, PATIENCE)


def test_one_connection_serves_one_request_after_the_other(connect):
    """An answer that is whole leaves the connection to the next request; its index is found whatever its case."""
    connection, server = connect(reply("one", "x-consul-index: 7"), reply("two", "X-CONSUL-INDEX: 8"))
    answers = [ask(connection), ask(connection, "PUT", b"value", Token="secret")]
    assert [(answer.code, answer.body, answer.headers["X-Consul-Index"]) for answer in answers] == [
        (200, "one", "7"),
        (200, "two", "8"),
    ]
    assert server.accepted == 1
    first, second = (request.decode().split("\r\n") for request in server.requests)
    assert first == ["GET /v1/kv/a HTTP/1.1", f"Host: {server.endpoint}", "", ""]
    assert second[0] == "PUT /v1/kv/a HTTP/1.1"
    assert set(second[1:4]) == {f"Host: {server.endpoint}", "Token: secret", "Content-Length: 5"}
    assert second[4:] == ["", "value"]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("::1", "[::1]:8500"),
        ("b\u00fccher.example", "xn--bcher-kva.example:8500"),
        ("x" * 63, "x" * 63 + ":8500"),
        ("/run/consul.sock", "localhost:8500"),
    ],
)
def test_server_is_told_its_name(host, told):
    """The header Host has the name as it is on the wire, and the port, also where the name is as long as one may be."""
    assert Endpoint(host, 8500).authority == told


def test_put_without_a_body_says_so(connect):
    """Servers want to be told the length of what is put, also if it is nothing."""
    connection, server = connect(reply("true"))
    ask(connection, "PUT")
    assert b"\r\nContent-Length: 0\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "first",
    [
        reply("one") + reply("stale"),
        reply("one") + b"\r\n",
        reply("one", "Connection: close"),
        reply("one").replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["two answers", "a blank line", "closing", "HTTP/1.0"],
)
def test_connection_that_cannot_be_relied_on_is_not_used_again(connect, first):
    """P1: What came after an answer is not taken for the answer to the next request."""
    connection, server = connect(first, reply("two"))
    assert [ask(connection).body, ask(connection).body] == ["one", "two"]
    assert server.accepted == 2


def test_answer_may_end_with_the_connection_or_come_in_chunks(connect):
    """Proxies of HTTP/1.0 say no length; whoever does not know the length yet sends chunks."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    connection, _ = connect(
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nto the end", b"HTTP/1.1 100 Continue\r\n\r\n" + chunked
    )
    assert [ask(connection).body, ask(connection).body] == ["to the end", "onetwo"]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"", "the connection was closed before an answer came"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf", "the answer is not HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (64 * 2**20 + 1), "the answer is not HTTP"),
    ],
    ids=["none", "half", "SSH", "too large"],
)
def test_answer_that_is_none_is_an_unknown_outcome(connect, bad, why):
    """P7: An answer that is cut, is none, or is too large: one line that says so, and the next request is fine."""
    connection, _ = connect(bad, reply("two"))
    with pytest.raises(BackendUnavailableError, match=why):
        ask(connection)
    assert ask(connection).body == "two"


def test_header_that_would_be_two_is_not_sent(connect):
    """A token from a file with another line in it does not smuggle a header: nothing is sent, and it is not shown."""
    connection, server = connect(reply("two"))
    with pytest.raises(BackendUnavailableError) as caught:
        ask(connection, Token="secret\r\nHost: elsewhere")
    assert "secret" not in str(caught.value)
    assert server.requests == []
