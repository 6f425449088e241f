"""One connection to one server, every use of which has a deadline. Imports redis-py."""

from __future__ import annotations

import email.parser  # noqa: F401 - redis-py does when it connects, to know its own version; a fork may tear that apart
import socket
import ssl
from typing import Any

import redis

from incumbent.toolkit import connect_socket, connect_unix, note_address, time_left

from ._options import Options, User
from ._places import Place, Socket

__all__ = ["Wire"]

#: Who hangs up on a client that speaks Redis's protocol without encryption.
NO_REDIS = ": it may want TLS (rediss://), be in protected mode, or be no Redis"


class Wire(redis.Connection):
    """
    redis-py's connection, with a deadline for what is done on it as a whole. For one thread at a time, but for `abort`.

    redis-py's own timeout begins anew with each byte, and with each address of a host: here they share it.

    Args:
        endpoint: The server.
        options: How to connect.
        deadline: On `time.monotonic`.
        is_sentinel: Whether the server is a Sentinel, which has no databases, and is not told who we are: see `log_in`.
    """

    def __init__(self, endpoint: Place, options: Options, deadline: float, *, is_sentinel: bool = False) -> None:
        self.endpoint = endpoint
        self.is_sentinel = is_sentinel
        self._is_told = options.sentinel is not None  # else an address that stands in no URL would puzzle
        self.deadline = deadline
        #: Whether it is known that elections can be held there.
        self.is_proven = False
        self._security = options.security
        self._line: _Line | None = None
        self._address: str | None = None  # of those that the server's name has
        self._is_aborted = False
        user = None if is_sentinel else options.user
        where = {} if isinstance(endpoint, Socket) else {"host": endpoint.host, "port": endpoint.port}
        super().__init__(  # type: ignore[no-untyped-call]
            **where,
            db=0 if is_sentinel else options.db,
            username=None if user is None else user.name,
            password=None if user is None else user.password.reveal(),
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=None,
        )

    def __str__(self) -> str:
        if self.is_sentinel:
            return f"Sentinel {self.endpoint}"
        return f"{self.endpoint} (as a Sentinel tells)" if self._is_told else str(self.endpoint)

    @property
    def doubt(self) -> str:
        """What may be wrong with the URL if the connection fails: nothing once the server is proven."""
        if self.is_proven:
            return ""
        return ": it may be no Redis" if self._security.is_on else NO_REDIS

    def log_in(self, user: User) -> None:
        """Connect anew, as *user*, with the next command."""
        self.end()
        self.username, self.password = user.name, user.password.reveal()

    def ask(self, *words: str | bytes | int) -> Any:
        """Send a command, and return the answer; raises what redis-py does."""
        self.send(*words)
        return self.read_response()

    def send(self, *words: str | bytes | int) -> None:
        """Send a command; `read_response` reads its answer."""
        self.send_command(*words, check_health=False)  # type: ignore[no-untyped-call]

    def distrust(self) -> None:
        """Have whoever connects next try the other addresses of the server's name first. From any thread."""
        if self._address is not None and not isinstance(self.endpoint, Socket):
            note_address(self.endpoint.host, self.endpoint.port, self._address, answers=False)

    def end(self) -> None:
        """End the connection. Idempotent."""
        self.disconnect()  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Let who uses it now fail at once. From any thread."""
        self._is_aborted = True
        line = self._line
        if line is not None:
            line.abort()

    def fileno(self) -> int:
        """Return the descriptor, to wait on."""
        assert self._line is not None
        number: int = self._line.fileno()
        return number

    def _connect(self) -> Any:
        sock = self._reach()
        if self._security.is_on and not isinstance(self.endpoint, Socket):
            sock = self._encrypt(sock, self.endpoint.host)
        self._line = _Line(sock, self)
        if self._is_aborted:
            self._line.abort()
        return self._line

    def _reach(self) -> socket.socket:
        where = self.endpoint
        if isinstance(where, Socket):
            return connect_unix(where.path, self.deadline)
        sock, self._address = connect_socket(where.host, where.port, self.deadline)
        return sock

    def _encrypt(self, sock: socket.socket, name: str) -> socket.socket:
        try:
            context = self._security.context("redis")
            sock.settimeout(self.left())  # for the handshake as a whole
            return context.wrap_socket(sock, server_hostname=name)
        except TimeoutError:  # Redis without TLS takes the handshake for the beginning of a line
            sock.close()
            raise ssl.SSLWantReadError("the handshake is not answered") from None
        except Exception:
            sock.close()
            raise

    def left(self) -> float:
        """Return the seconds that are left; raises `TimeoutError` if none are."""
        return time_left(self.deadline)


class _Line:
    """A socket as redis-py uses it; nothing lasts longer than what is left until the wire's deadline."""

    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self._sock = sock
        self._wire = wire
        self._waits = True

    def settimeout(self, timeout: float | None) -> None:
        self._waits = timeout != 0

    def recv(self, *arguments: Any) -> bytes:
        return self._ready().recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        return self._ready().recv_into(*arguments)

    def sendall(self, data: bytes) -> None:
        self._ready().sendall(data)

    def abort(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _ready(self) -> socket.socket:
        self._sock.settimeout(self._wire.left() if self._waits else 0.0)
        return self._sock
