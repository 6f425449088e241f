"""A stage for the tests on Redis: servers, waiting with a deadline, and what is in the store."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import redis
from patience import PATIENCE, attempt, durations, eventually, lead

from incumbent import open_backend
from incumbent.testing import FaultProxy
from incumbent_redis.testing import Server

__all__ = [
    "BRIEF",
    "SHORT",
    "FaultProxy",
    "Puppet",
    "Server",
    "Trio",
    "attempt",
    "client",
    "come_of_age",
    "eventually",
    "keys",
    "lead",
    "running",
    "settings",
    "url",
]

T = TypeVar("T")

#: Short, so that neither a fail-over nor silence is waited for long.
TTL, REQUEST_TIMEOUT = 2.0, 0.6


settings, SHORT, BRIEF = durations(TTL, REQUEST_TIMEOUT)


def url(server: Server | Puppet, options: str = "") -> str:
    return f"redis://127.0.0.1:{server.port}{options}"


def client(server: Server, **options) -> redis.Redis:
    """Return an ordinary client, as an administrator has one."""
    return redis.Redis(port=server.port, decode_responses=True, protocol=2, socket_timeout=PATIENCE, **options)


def come_of_age(server: Server) -> None:
    """Have *server* elect candidates with any ttl, as one does that has been known for long."""
    backend = open_backend(url(server), settings())
    elector = backend.elector("coming of age", "stage")
    assert elector.acquire_leadership() is None, "a new server must not elect anybody at once"
    with client(server) as asking:
        asking.hset("{incumbent}", "proven", 10**6)
    assert elector.acquire_leadership() is not None
    elector.close()
    backend.close()


def keys(server: Server) -> set[str]:
    """Return the names of all keys."""
    with client(server) as asking:
        return set(asking.keys())


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start *server* for the length of the block."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Puppet:
    """
    A server that answers every script with what it is given, byte by byte if *pause*. A context manager.

    Args:
        answer: To a script.
        info: To INFO.
        pause: Seconds between two bytes of the answer.
        more: Answers to other commands; those that are not in it get OK.
        at: Where it listens; port 0 is one that is free.
    """

    def __init__(
        self,
        answer: bytes,
        info: bytes = b"role:master\r\n",
        pause: float = 0.0,
        more: Mapping[bytes, bytes] = MappingProxyType({}),
        at: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self._answers = {b"INFO": b"$%d\r\n%s\r\n" % (len(info), info), b"EVALSHA": answer, b"EVAL": answer, **more}
        puppet = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while line := self.rfile.readline():
                    words = [self._word() for _ in range(int(line[1:]))]
                    answer = puppet._answers.get(words[0].upper(), b"+OK\r\n")
                    if pause and words[0] == b"EVALSHA":
                        self._trickle(answer)
                    else:
                        self.wfile.write(answer)

            def _trickle(self, answer: bytes) -> None:
                with suppress(OSError):  # the client has had enough
                    for position in range(len(answer)):
                        self.wfile.write(answer[position : position + 1])
                        time.sleep(pause)

            def _word(self) -> bytes:
                return self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2]

        self._server = socketserver.ThreadingTCPServer(at, Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)

    def __enter__(self) -> Puppet:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()


class Trio:
    """A primary, its replica, and a Sentinel that promotes the replica when it is told to. A context manager."""

    def __init__(self, folder: Path, *, arguments: tuple[str, ...] = ()) -> None:
        self.primary = Server(folder / "primary", arguments=arguments)
        self.replica = Server(
            folder / "replica", arguments=(*arguments, "--replicaof", "127.0.0.1", str(self.primary.port))
        )
        watch = (
            f"sentinel monitor elections 127.0.0.1 {self.primary.port} 1\n"
            "sentinel down-after-milliseconds elections 60000\n"
            "sentinel failover-timeout elections 20000\n"
        )
        self.sentinel = Server(folder / "sentinel", sentinel=watch)

    def __enter__(self) -> Trio:
        try:
            self.primary.start()
            self.replica.start()
            eventually(lambda: _info(self.primary, "replication").get("slave0", {}).get("state") == "online")
            self.sentinel.start()
            eventually(lambda: self._sentinels("SLAVES"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.sentinel, self.replica, self.primary):
            server.stop()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.sentinel.port}?sentinel=elections"

    def promote(self) -> None:
        """Let the Sentinel promote the replica, and return when it tells so."""
        with client(self.sentinel) as asking:
            eventually(lambda: _ordered(asking))
        eventually(lambda: self._primary_port() == self.replica.port)

    def _primary_port(self) -> int:
        with client(self.sentinel) as asking:
            return int(asking.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "elections")[1])

    def _sentinels(self, what: str) -> object:
        with client(self.sentinel) as asking:
            return asking.execute_command(f"SENTINEL {what}", "elections")


def _ordered(asking: redis.Redis) -> bool:
    try:
        return bool(asking.execute_command("SENTINEL", "FAILOVER", "elections"))
    except redis.ResponseError:  # it has not seen that the replica is good yet
        return False


def _info(server: Server, section: str) -> dict:
    with client(server) as asking:
        return asking.info(section)
