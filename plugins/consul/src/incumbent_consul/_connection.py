"""HTTP to one endpoint: every request has one deadline for everything, and can be interrupted.

The transport of python-consul has no timeout at all, and that of py-consul one for each piece that arrives: a server
that trickles holds a call for as long as it likes (P10). Both let the transport be replaced; this one also follows no
redirect, and knows no proxy, no `.netrc` and no variable of the environment.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import h11

from incumbent import BackendUnavailableError
from incumbent.toolkit import caused_by, time_left

from ._endpoint import Endpoint

__all__ = ["Answer", "Connection", "NotSentError", "Request"]

#: Nothing that is asked here is larger: 100,000 keys. In bytes, as what is read at once.
LARGEST, PIECE = 64 * 2**20, 64 * 2**10
#: What the names of the headers begin with that are Consul's own.
CONSULS = b"x-consul-"


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
    """What came back, as the client libraries expect it, with Consul's own headers: X-Consul-Index and the like."""

    code: int
    headers: Mapping[str, str]
    body: str


class Connection:
    """One connection, made by the first request. `interrupt` may come from any thread, the rest may not."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._sock: socket.socket | None = None
        #: Where it leads, of the host's addresses, and what is spoken there: set when it stands.
        self._address: str
        self._http: h11.Connection
        self._interrupted = False
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
        sock = self._sock or self._connect(min(deadline, time.monotonic() + patience))
        try:
            answer = self._exchange(sock, request, deadline)
        except (OSError, h11.ProtocolError, ValueError) as error:
            # With TLS 1.3 a server can refuse only after the handshake, and what it says may be lost.
            unwelcome = self.endpoint.tls.is_on and self.served == 0 and isinstance(error, ConnectionError)
            hint = " (does it ask for a TLS certificate? options cert and key)" if unwelcome else ""
            # An idle connection may be found closed, and says nothing against the address.
            if not self._interrupted and (self.served == 0 or isinstance(error, TimeoutError)):
                self.endpoint.doubt(self._address)
            self.close()
            told = BackendUnavailableError(f"consul at {self.endpoint}: {self._reason(error)}{hint}")
            made = caused_by(told, error, *request.headers.values())
            raise made from made.__cause__
        self.served += 1
        http = self._http
        if http.our_state is http.their_state is h11.DONE and http.trailing_data == (b"", False):
            http.start_next_cycle()
        else:  # it ends with this answer, or has said more than was asked: that would be taken for the next answer
            self.close()
        return answer

    def interrupt(self) -> None:
        """Make a request that is out fail now, and every later one."""
        self._interrupted = True
        sock = self._sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; the next request makes a new one."""
        sock, self._sock = self._sock, None
        self.served = 0
        if sock is not None:
            sock.close()

    def _connect(self, deadline: float) -> socket.socket:
        try:
            sock, self._address = self.endpoint.connect(deadline)
        except (OSError, ValueError) as error:  # the name of a host may not be encodable
            raise NotSentError(f"consul at {self.endpoint}: {self.endpoint.reason(error)}") from error
        self._sock, self._http = sock, h11.Connection(h11.CLIENT)
        if self._interrupted:  # meanwhile
            self.close()
            raise BackendUnavailableError(f"consul at {self.endpoint}: interrupted")
        return sock

    def _exchange(self, sock: socket.socket, request: Request, deadline: float) -> Answer:
        """Send *request* and read what comes back, each piece of it by *deadline*."""
        http = self._http
        headers = [("Host", self.endpoint.authority), *request.headers.items()]
        if request.method != "GET":
            headers.append(("Content-Length", str(len(request.body))))
        data = http.send(h11.Request(method=request.method, target=request.target, headers=headers)) or b""
        if request.body:
            data += http.send(h11.Data(data=request.body)) or b""
        http.send(h11.EndOfMessage())
        sock.settimeout(time_left(deadline))
        sock.sendall(data)
        head: h11.Response | None = None
        body = bytearray()
        event: object = h11.NEED_DATA
        while not isinstance(event, h11.EndOfMessage):
            if event is h11.NEED_DATA:
                sock.settimeout(time_left(deadline))
                piece = sock.recv(PIECE)
                if not piece and head is None:
                    raise ConnectionError("the connection was closed before an answer came")
                http.receive_data(piece)
                if head is None and not b"HTTP/".startswith(http.trailing_data[0][:5]):
                    raise ValueError("an answer of something else, which may wait for us to go on")
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST:
                    raise ValueError("an answer that is too large")
            event = http.next_event()
        assert head is not None
        names = {
            name.decode().title(): value.decode("latin-1") for name, value in head.headers if name.startswith(CONSULS)
        }
        return Answer(head.status_code, names, body.decode("utf-8", "replace"))

    def _reason(self, error: Exception) -> str:
        """Say on one line what went wrong with a request. What a server has sent is not shown."""
        if isinstance(error, h11.ProtocolError | ValueError) and not isinstance(error, UnicodeError | OSError):
            return f"the answer is not HTTP ({type(error).__name__})"
        return self.endpoint.reason(error)
