"""The tools for a name with several addresses: the deadline is shared, and who answered is remembered."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import pytest
from names import NAME, dead_address, named
from patience import ANSWERED, PATIENCE

from incumbent import addresses_of, connect_socket, note_address
from incumbent.testing import free_port
from incumbent.toolkit import connect_unix

LIVE, DEAD = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def port():
    """The port of a server at 127.0.0.1; at 127.0.0.2 nothing is heard from it."""
    with socket.create_server((LIVE, free_port())) as server:
        number = server.getsockname()[1]
        with dead_address(number, DEAD):
            yield number


def soon(seconds=ANSWERED):
    return time.monotonic() + seconds


def peer(port, host=NAME, seconds=ANSWERED):
    sock, address = connect_socket(host, port, soon(seconds))
    with sock:
        assert sock.getpeername()[0] == address
    return address


@pytest.mark.parametrize("addresses", [(DEAD, LIVE), (LIVE, DEAD), (LIVE,)])
def test_whichever_address_answers_is_connected(port, addresses):
    """P10: An address that is dead keeps nobody from another one of the same name, whatever their order is."""
    with named(*addresses):
        assert peer(port) == LIVE


def test_the_address_that_answered_is_tried_first(port):
    """Only the first connection finds out who is dead."""
    with named(DEAD, LIVE):
        assert addresses_of(NAME, port, soon()) == [DEAD, LIVE]
        assert peer(port) == LIVE
        assert addresses_of(NAME, port, soon()) == [LIVE, DEAD]


def test_dead_addresses_end_with_the_deadline(port):
    """P10: Where nobody answers, the deadline holds for all addresses together."""
    with named(DEAD, DEAD, DEAD), pytest.raises(TimeoutError):
        connect_socket(NAME, port, soon(0.2))


def test_refusals_are_told(port):
    """Who listens nowhere is no silence: the reason is told, and not waited for."""
    with named("127.0.0.3", "::1"), pytest.raises(ConnectionRefusedError):
        connect_socket(NAME, port, soon())


@pytest.mark.parametrize("host", ["host.invalid", f"{'a' * 64}.test", "\udcff"])
def test_name_without_an_address_is_an_error(host):
    """Whatever a resolver, or Python's codec of names, says of a name: it is an `OSError`."""
    with pytest.raises(OSError):
        addresses_of(host, 1, soon())


def test_look_up_without_a_thread_is_an_error(monkeypatch):
    """Where no thread can be started, the failure is told in the words of all others."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="can't start new thread"):
        addresses_of("localhost", 1, soon())


def test_address_is_not_looked_up(port):
    """What is an address already is taken as it is, brackets left out."""
    assert [addresses_of(host, port, soon()) for host in (LIVE, "::1", "fe80::1%lo")] == [
        [LIVE],
        ["::1"],
        ["fe80::1%lo"],
    ]
    assert peer(port, LIVE) == LIVE


def test_what_is_noted_is_the_order(port):
    """Who answered last is first, who was silent last is last, and what the name has no longer is forgotten."""
    with named("127.0.0.3", "127.0.0.4", "127.0.0.5"):
        note_address(NAME, port, "127.0.0.3", answers=False)
        note_address(NAME, port, "127.0.0.5", answers=True)
        assert addresses_of(NAME, port, soon()) == ["127.0.0.5", "127.0.0.4", "127.0.0.3"]
        note_address(NAME, port, "127.0.0.4", answers=True)
        assert addresses_of(NAME, port, soon()) == ["127.0.0.4", "127.0.0.5", "127.0.0.3"]
        note_address(NAME, port, "127.0.0.4", answers=False)
        assert addresses_of(NAME, port, soon()) == ["127.0.0.5", "127.0.0.3", "127.0.0.4"]
        assert addresses_of(NAME, port + 1, soon()) == ["127.0.0.3", "127.0.0.4", "127.0.0.5"]
    with named("127.0.0.6", "127.0.0.5"):
        assert addresses_of(NAME, port, soon()) == ["127.0.0.6", "127.0.0.5"]
    with named("127.0.0.3", "127.0.0.5"):
        assert addresses_of(NAME, port, soon()) == ["127.0.0.3", "127.0.0.5"]


def test_resolver_that_hangs_ends_with_the_deadline(monkeypatch):
    """P10: Who asks while the system's resolver hangs waits for its own deadline, and one look-up is out for all."""
    answer, asked = threading.Event(), []
    resolve = socket.getaddrinfo

    def hang(host, *arguments, **options):
        if host != "slow.test":  # what another test's threads ask for is none of ours
            return resolve(host, *arguments, **options)
        asked.append(arguments)
        answer.wait(PATIENCE)
        return resolve(LIVE, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            addresses_of("slow.test", 1, soon(0.05))
    assert len(asked) == 1
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:  # its look-up is not the parent's, whose thread it does not have
        answer.set()
        os.write(writer, b"y" if addresses_of("slow.test", 1, soon()) == [LIVE] else b"n")
        os.kill(os.getpid(), signal.SIGKILL)  # at once: what measures coverage may hang at the end of a fork
    answer.set()
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        assert said.read() == b"y"
    os.waitpid(pid, 0)
    assert addresses_of("slow.test", 1, soon()) == [LIVE]


def test_unix_socket_is_connected_or_told_why_not(tmp_path):
    """P10: Who accepts is reached; who does not, is not there, or comes after the deadline, is an error at once."""
    path = str(tmp_path / "socket")
    with pytest.raises(FileNotFoundError):
        connect_unix(path, soon())
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        with pytest.raises(ConnectionRefusedError):
            connect_unix(path, soon())
        server.listen(0)
        with connect_unix(path, soon()) as sock:
            assert sock.getpeername() == path
            with pytest.raises(BlockingIOError):
                connect_unix(path, soon())
        with pytest.raises(TimeoutError):
            connect_unix(path, soon(-1.0))
