"""HTTP to one endpoint: every request has one deadline for everything, and can be interrupted.

The transport of python-consul has no timeout at all, and that of py-consul one for each piece that arrives: a server
that trickles holds a call for as long as it likes (P10). Both let the transport be replaced; this one also follows no
redirect, and knows no proxy, no `.netrc` and no variable of the environment.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from incumbent import BackendUnavailableError
from incumbent.toolkit import caused_by, time_left

from ._endpoint import Endpoint, reason

__all__ = ["Answer", "Connection", "NotSentError", "Request"]

#: Nothing that is asked here is larger: 100,000 keys.
LARGEST = 64 * 2**20


class NotSentError(BackendUnavailableError):
    """The endpoint could not be reached, so the request has had no effect."""


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

    def __init__(self, sock: socket.socket, address: str) -> None:
        self.sock = sock
        self.address = address
        self.deadline = 0.0

    def arm(self) -> socket.socket:
        self.sock.settimeout(time_left(self.deadline))
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
        self._http = http.client.HTTPConnection(endpoint.name, endpoint.port)
        self._http.auto_open = 0
        #: Requests that have been answered on the present connection.
        self.served = 0

    def ask(self, request: Request, deadline: float, patience: float) -> Answer:
        """
        Send one request, and return its answer, by *deadline* (`time.monotonic`) at the latest.

        A connection that has to be made for it may take *patience*, seconds.

        Raises:
            NotSentError: No connection could be made.
            BackendUnavailableError: The outcome is unknown.
            BackendRejectedError: A file that TLS needs cannot be used.
        """
        if self._sock is None:
            self._connect(min(deadline, time.monotonic() + patience))
        sock = self._sock
        assert sock is not None
        sock.deadline = deadline
        try:
            self._http.request(request.method, request.target, request.body, dict(request.headers))
            response = self._http.getresponse()
            data = response.read(LARGEST)
            text = data.decode("utf-8", "replace")
            ended = response.will_close or not response.isclosed()
        except (OSError, http.client.HTTPException, ValueError) as error:
            # With TLS 1.3 a server can refuse only after the handshake, and what it says may be lost.
            unwelcome = self.endpoint.tls.is_on and self.served == 0 and isinstance(error, ConnectionError)
            hint = " (does it ask for a TLS certificate? options cert and key)" if unwelcome else ""
            # An idle connection may be found closed, and says nothing against the address.
            if not self._interrupted and (self.served == 0 or isinstance(error, TimeoutError)):
                self.endpoint.doubt(sock.address)
            self.close()
            told = BackendUnavailableError(f"consul at {self.endpoint}: {reason(error)}{hint}")
            made = caused_by(told, error, *request.headers.values())
            raise made from made.__cause__
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
        try:
            sock, address = self.endpoint.connect(deadline)
        except (OSError, ValueError) as error:  # the name of a host may not be encodable
            raise NotSentError(f"consul at {self.endpoint}: {reason(error)}") from error
        self._sock = _Socket(sock, address)
        self._http.sock = self._sock
        if self._interrupted:  # meanwhile
            self.close()
            raise BackendUnavailableError(f"consul at {self.endpoint}: interrupted")
