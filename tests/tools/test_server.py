"""Server processes for harnesses, tried on a small server of Python's own."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from incumbent.testing import ServerProcess, free_port

#: Seconds that an answer may take from a server that serves.
SOON = 20.0
#: Seconds in which a frozen one would have answered.
QUIET = 0.3


@pytest.fixture
def server(tmp_path):
    """Make an HTTP server that is not started yet."""
    port = free_port()

    def answers(timeout=SOON):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request("HEAD", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(port)]
    made = ServerProcess(command, ready=answers, log=tmp_path / "log")
    made.answers = answers
    yield made
    made.stop()


def test_started_server_serves_and_stopped_one_is_gone(server):
    """`start` returns when it serves, `stop` when the process has ended, and stopping twice is harmless."""
    server.start()
    assert server.running
    assert server.answers()
    server.stop()
    assert not server.running
    assert not server.answers()
    server.stop()


def test_killed_server_can_be_started_again(server):
    """The same object serves again on the same port."""
    server.start()
    first = server.pid
    server.kill()
    assert not server.running
    server.start()
    assert server.answers()
    assert server.pid != first


def test_frozen_server_takes_requests_and_answers_none_until_thawed(server):
    """SIGSTOP is silence, not a refusal."""
    server.start()
    server.freeze()
    assert not server.answers(QUIET)
    assert server.running
    server.thaw()
    assert server.answers()


def test_frozen_server_can_be_stopped(server):
    """No process is left because it was frozen when the tests ended."""
    server.start()
    server.freeze()
    server.stop()
    assert not server.running


def test_server_that_ends_says_why(tmp_path):
    """The error holds the last words of the log."""
    program = "import sys; sys.exit('no room for data')"
    server = ServerProcess([sys.executable, "-c", program], ready=lambda: False, log=tmp_path / "log")
    with pytest.raises(RuntimeError, match="ended while it started: no room for data"):
        server.start()


def test_server_that_never_serves_is_an_error_in_time(tmp_path):
    """Patience ends, and the process is still there to be stopped."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    server = ServerProcess(command, ready=lambda: False, log=tmp_path / "log", patience=0.5)
    with pytest.raises(RuntimeError, match=r"does not serve after 0\.5 s: it wrote nothing"):
        server.start()
    server.stop()
    assert not server.running


#: Asks for as many ports as are asked for, shows them, and keeps them until its stdin ends.
ASKS = "import sys; from incumbent.testing import free_port; "
ASKS += "print(*(free_port() for _ in range(int(sys.argv[1]))), flush=True); sys.stdin.read()"


def test_no_port_is_given_twice(tmp_path):
    """Neither threads nor processes that ask at the same time are given the same one, whatever TMPDIR they have."""
    command = [sys.executable, "-c", ASKS, "300"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    others = [subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, **streams) for _ in range(3)]
    try:
        with ThreadPoolExecutor(4) as threads:
            ports = list(threads.map(lambda _: free_port(), range(300)))
        for other in others:
            ports += map(int, other.stdout.readline().split())
        assert len(set(ports)) == len(ports) == 1200
    finally:
        for other in others:
            other.communicate()


def test_port_is_none_that_an_outgoing_connection_may_get():
    """A server that was killed finds its port free, however many connections were made meanwhile."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not first <= free_port() <= last


def test_port_that_somebody_listens_on_is_not_given(monkeypatch):
    """A server of somebody else's is left alone; if nothing is left, that is said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("incumbent.testing.server._server_ports", lambda: range(port, port + 1))
        with pytest.raises(OSError, match=f"no TCP port from {port} to {port} is free"):
            free_port()
