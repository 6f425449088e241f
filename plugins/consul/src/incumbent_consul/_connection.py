"""HTTP to one endpoint: every request has one deadline for everything, and can be interrupted.

The transport of python-consul has no timeout at all, and that of py-consul one for each piece that arrives: a server
that trickles holds a call for as long as it likes (P10). Both let the transport be replaced; this one also follows no
redirect, and knows no proxy, no `.netrc` and no variable of the environment.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from incumbent import BackendRejectedError, BackendUnavailableError

__all__ = ["Answer", "Connection", "Endpoint", "NotSentError", "Request"]

#: Nothing that is asked here is larger: 100,000 keys.
LARGEST = 64 * 2**20


class NotSentError(BackendUnavailableError):
    """The endpoint could not be reached, so the request has had no effect."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the servers, or of an agent, and how to speak to it."""

    host: str
    port: int
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    #: The name that the certificate must bear, if it is not the host's.
    server_name: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """
        Read the files again: they may have been replaced by newer ones.

        Raises:
            BackendRejectedError: A file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            files = ", ".join(name for name in (self.ca, self.cert, self.key) if name)
            raise BackendRejectedError(f"a TLS file cannot be used ({files}): {_reason(error)}") from error
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted: give one without a passphrase")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. Shows no header: one holds the token."""

    method: str
    target: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; named as the client libraries expect it."""

    code: int
    headers: Mapping[str, str]
    body: str


class _Socket:
    """A socket whose operations share one deadline. What `http.client` needs of one, and nothing else."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.deadline = 0.0

    def arm(self) -> socket.socket:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.sock.settimeout(left)
        return self.sock

    def sendall(self, data: bytes) -> None:
        self.arm().sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Do nothing: `http.client` closes early where an answer ends with the connection."""


class _Reader(io.RawIOBase):
    def __init__(self, sock: _Socket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.arm().recv_into(buffer)


class Connection:
    """One connection, made by the first request. `interrupt` may come from any thread, the rest may not."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._sock: _Socket | None = None
        self._interrupted = False
        self._http = http.client.HTTPConnection(endpoint.host, endpoint.port)
        self._http.auto_open = 0
        #: Requests that have been answered on the present connection.
        self.served = 0

    def ask(self, request: Request, deadline: float) -> Answer:
        """
        Send one request, and return its answer, by *deadline* (`time.monotonic`) at the latest.

        Raises:
            NotSentError: No connection could be made.
            BackendUnavailableError: The outcome is unknown.
            BackendRejectedError: A file that TLS needs cannot be used.
        """
        if self._sock is None:
            self._connect(deadline)
        assert self._sock is not None
        self._sock.deadline = deadline
        try:
            self._http.request(request.method, request.target, request.body, dict(request.headers))
            response = self._http.getresponse()
            data = response.read(LARGEST)
            text = data.decode("utf-8", "replace")
            ended = response.will_close or not response.isclosed()
        except (OSError, http.client.HTTPException, ValueError) as error:
            # With TLS 1.3 a server can refuse only after the handshake, and what it says may be lost.
            unwelcome = self.endpoint.tls and self.served == 0 and isinstance(error, ConnectionError)
            hint = " (does it ask for a TLS certificate? options cert and key)" if unwelcome else ""
            self.close()
            raise BackendUnavailableError(f"consul at {self.endpoint}: {_reason(error)}{hint}") from error
        self.served += 1
        answer = Answer(response.status, cast("Mapping[str, str]", response.headers), text)
        if ended:
            self.close()
        return answer

    def interrupt(self) -> None:
        """Make a request that is out fail now, and every later one."""
        self._interrupted = True
        sock = self._sock
        if sock is not None:
            with suppress(OSError):
                sock.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; the next request makes a new one."""
        sock, self._sock = self._sock, None
        self.served = 0
        self._http.close()
        if sock is not None:
            sock.sock.close()

    def _connect(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        context = self.endpoint.context() if self.endpoint.tls else None
        try:
            if left <= 0:
                raise TimeoutError("timed out")
            sock = socket.create_connection((self.endpoint.host, self.endpoint.port), left)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if context is not None:
                    sock.settimeout(max(0.001, deadline - time.monotonic()))
                    name = self.endpoint.server_name or self.endpoint.host
                    sock = context.wrap_socket(sock, server_hostname=name)
            except BaseException:
                sock.close()
                raise
        except (OSError, ValueError) as error:  # the name of a host may not be encodable
            raise NotSentError(f"consul at {self.endpoint}: {_reason(error)}") from error
        self._sock = _Socket(sock)
        self._http.sock = self._sock
        if self._interrupted:  # meanwhile
            self.close()
            raise BackendUnavailableError(f"consul at {self.endpoint}: interrupted")


def _reason(error: Exception) -> str:
    """Say on one line what went wrong. What a server has sent is not shown."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        if error.reason == "WRONG_VERSION_NUMBER":
            return "it does not speak TLS: leave out the option tls, or give the port for HTTPS"
        return f"TLS failed: {error.reason or type(error).__name__}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed before an answer came"
    if isinstance(error, http.client.HTTPException | ValueError) and not isinstance(error, UnicodeError):
        return f"the answer is not HTTP ({type(error).__name__})"
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
