"""A relay for HTTP that understands what it relays, and answers with something else if it is told to."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Asked", "HostileHttp", "Reply", "Spoil"]

#: Seconds that the server behind it may take: it holds questions open for news.
LONGEST = 60.0


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer, whose length is said as it is unless *headers* say otherwise."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def but(self, **changes: Any) -> Reply:
        return replace(self, **changes)

    def with_headers(self, **headers: str | None) -> Reply:
        """Replace headers; None leaves one out. An underscore stands for a hyphen."""
        given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in given}
        return replace(self, headers={**kept, **{name: value for name, value in given.items() if value is not None}})


#: What to answer, given what was asked and what the server said: a reply, or raw bytes after which the connection ends.
Spoil = Callable[[Asked, Reply], "Reply | bytes | Iterable[bytes]"]


class HostileHttp:
    """Stands in front of a server on loopback. A context manager. Honest until `spoil` is set."""

    def __init__(self, port: int) -> None:
        self.spoil: Spoil | None = None
        #: Whether questions that wait for news are answered at once.
        self.hurries = False
        #: What was asked, in the order of arrival.
        self.asked: list[Asked] = []
        self._upstream = port
        self._open: set[http.client.HTTPConnection] = set()
        self._closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = LONGEST
            disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                with suppress(OSError):
                    outer._serve(self)

            do_PUT = do_DELETE = do_GET  # noqa: N815 - as the base class has them

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """Say nothing: clients end connections as they like."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> HostileHttp:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for connection in list(self._open):
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        asked = Asked(handler.command, handler.path, dict(handler.headers), handler.rfile.read(length))
        self.asked.append(asked)
        honest = self._ask(asked)
        spoiled = self.spoil(asked, honest) if self.spoil is not None else honest
        if isinstance(spoiled, Reply):
            self._send(handler, spoiled)
            return
        handler.close_connection = True
        for piece in [spoiled] if isinstance(spoiled, bytes) else spoiled:
            if self.is_closed:
                return
            handler.wfile.write(piece)
            handler.wfile.flush()

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response_only(reply.status)
        headers = {"content-length": str(len(reply.body)), **{k.lower(): v for k, v in reply.headers.items()}}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(reply.body)
        if headers["content-length"] != str(len(reply.body)) or "transfer-encoding" in headers:
            handler.close_connection = True

    def _ask(self, asked: Asked) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=LONGEST)
        self._open.add(connection)
        try:
            headers = {name: value for name, value in asked.headers.items() if name.lower() != "accept-encoding"}
            path = re.sub(r"index=\d+&?", "", asked.path) if self.hurries else asked.path
            connection.request(asked.method, path, asked.body, headers)
            answer = connection.getresponse()
            body = answer.read()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in ("content-length", "transfer-encoding")}
            return Reply(answer.status, kept, body)
        except (OSError, http.client.HTTPException) as error:
            raise OSError("the server is away") from error
        finally:
            self._open.discard(connection)
            connection.close()
