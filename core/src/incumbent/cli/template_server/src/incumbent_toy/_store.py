"""The store: four operations, each atomic and bounded in time, and the one place that knows its exceptions."""

# CHANGE: all of this module but the names, the arguments and what is returned and raised. With a client library for
# your server, `Line` and most of `Store.lent` go; what stays is its timeout, and what its exceptions mean.

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from incumbent import BackendUnavailableError, LeaderRecord, Secret
from incumbent.toolkit import (
    Endpoint,
    ProcessBound,
    Tls,
    Translation,
    connect_socket,
    deadline,
    note_address,
    split_info,
    time_left,
)

#: What the client raises, and whether asking again can help. What is not listed here is unknown, which it may.
ERRORS = Translation(
    "toy",
    rejected={"wrong password": "user or password is wrong"},
    unavailable={
        TimeoutError: "no answer in time",
        ConnectionRefusedError: "connection refused",
        OSError: "",
        ValueError: "the answer makes no sense",
        TypeError: "the answer makes no sense",
    },
)


class Store(ProcessBound):
    """
    One server, and the connections to it that are not in use. Connects when first asked. Thread-safe.

    Each operation raises `BackendUnavailableError` if its outcome is unknown, `BackendRejectedError` if asking again
    cannot help, and `InvalidStateError` in a forked child, which must not use what its parent has (P9).
    """

    def __init__(self, server: Endpoint, tls: Tls, user: str | None, password: Secret | None, timeout: float) -> None:
        super().__init__()
        self.server = server
        self._tls = tls
        self._user = user
        self._password = None if password is None else password.reveal()
        self.timeout = timeout
        self._lock = threading.Lock()
        self._idle: list[Line] = []
        self._used: set[Line] = set()
        self._closed = False

    # ------------------------------------------------------------ the four operations

    def claim(self, lock_id: str, candidate: str, owner: str, ttl: float) -> int | None:
        """Give *owner* the claim if nobody has it, or renew its own; return its token, or None if another has it."""
        token: int | None = self.ask("claim", lock_id=lock_id, candidate=candidate, owner=owner, ttl=ttl)
        return token

    def renew(self, lock_id: str, owner: str, ttl: float) -> bool:
        """Keep the claim of *owner* for another *ttl* seconds; return whether it is still there."""
        return bool(self.ask("renew", lock_id=lock_id, owner=owner, ttl=ttl))

    def release(self, lock_id: str, owner: str) -> bool:
        """End the claim of *owner*, and nobody else's; return whether it was still there."""
        return bool(self.ask("release", lock_id=lock_id, owner=owner))

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read who leads."""
        shown, token, since = self.ask("leader", lock_id=lock_id)
        candidate, info = split_info(shown or "")
        return LeaderRecord(lock_id, candidate or None, token, since, info=info)

    def ask(self, what: str, **arguments: object) -> Any:
        """Ask the server, and return its answer."""
        until = deadline(self.timeout)  # for connecting, logging in and asking together (P10)
        with self.lent(until) as line:
            answer = line.ask({"do": what, **arguments}, until)
            with self._lock:
                if not self._closed:
                    self._idle.append(line)
                    return answer
            line.close()
            return answer

    # ------------------------------------------------------------ the client

    @contextmanager
    def lent(self, until: float) -> Iterator[Line]:
        """Lend a connection; if the block fails, it is closed, and so are all that are idle: they will be as dead."""
        self.check_process()
        with ERRORS.translating(self.server, self._password):
            line = self._idle_line() or Line(self.server, self._tls, until)
            try:
                self._use(line)
                if self._user is not None and not line.is_known:
                    line.ask({"do": "login", "user": self._user, "password": self._password}, until)
                    line.is_known = True
                yield line
            except BaseException as error:  # Ctrl-C, too: the answer would be taken for that of the next request
                if isinstance(error, TimeoutError):
                    note_address(self.server.host, self.server.port, line.address, answers=False)
                with self._lock:
                    stale, self._idle = [line, *self._idle], []
                for each in stale:
                    each.close()
                raise
            finally:
                with self._lock:
                    self._used.discard(line)

    def _idle_line(self) -> Line | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _use(self, line: Line) -> None:
        with self._lock:
            if self._closed:
                raise BackendUnavailableError(f"toy {self.server}: the backend is closed")
            self._used.add(line)

    def close(self) -> None:
        """End all connections; who waits for an answer fails at once. Idempotent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            used = list(self._used)
        for line in idle:
            line.close()
        for line in used:
            line.interrupt()  # its user closes it


class Line:
    """One connection: a question is a line of JSON, and so is its answer. One thread at a time, but for `interrupt`."""

    def __init__(self, server: Endpoint, tls: Tls, until: float) -> None:
        self._sock, self.address = connect_socket(server.host, server.port, until)
        self._rest = b""
        #: Whether the server has been told who asks.
        self.is_known = False
        try:
            if tls.is_on:
                context = tls.context("toy")
                self._sock.settimeout(time_left(until))
                self._sock = context.wrap_socket(self._sock, server_hostname=server.host)
        except BaseException:
            self.close()
            raise

    def ask(self, question: object, until: float) -> Any:
        """Send *question*, and return what is answered by *until*."""
        self._sock.settimeout(time_left(until))
        self._sock.sendall(json.dumps(question).encode() + b"\n")
        answer = self.read(until)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["ok"]

    def read(self, until: float) -> dict[str, Any]:
        """Return the next line, of which the last byte is there by *until*."""
        while b"\n" not in self._rest:
            self._sock.settimeout(time_left(until))
            data = self._sock.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise TypeError("no object")
        return answer

    def interrupt(self) -> None:
        """Let who waits for an answer fail at once."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection."""
        self._sock.close()
