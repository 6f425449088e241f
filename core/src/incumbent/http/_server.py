"""A small HTTP server on a thread of its own: GET and HEAD, one request a connection, everything with a deadline."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from incumbent.errors import ConfigurationError

__all__ = ["Answer", "Server"]

_log = logging.getLogger("incumbent.http")

#: Seconds that a client may take to ask, and as many to take the answer.
DEADLINE = 5.0
#: Bytes of a request's head, and connections at a time; who comes then is told to come again.
LONGEST_HEAD, MOST_CONNECTIONS = 8192, 64
HEADERS = (
    "Cache-Control: no-store",
    "Connection: close",
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: the status, a body, and its type."""

    status: HTTPStatus
    body: str
    kind: str = "text/plain; charset=utf-8"


class Server:
    """
    Listens from `start` to `close`.

    Args:
        answer: Returns the answer for a path. Called on the server's thread, and must not block.
        host: The address to listen on.
        port: The port; 0 for a free one.
    """

    def __init__(self, answer: Callable[[str], Answer], host: str, port: int) -> None:
        self._answer = answer
        self._host = host
        self._port = port
        self._open = 0
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="incumbent-http", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers, once it has started."""
        return f"http://[{self._host}]:{self._port}" if ":" in self._host else f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """
        Listen.

        Raises:
            ConfigurationError: The address cannot be listened on.
        """
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            reason = getattr(self._failure, "strerror", None) or str(self._failure)
            raise ConfigurationError(f"cannot listen on {self._host} port {self._port}: {reason}") from None

    def close(self) -> None:
        """End every connection, and the thread. Idempotent."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(DEADLINE)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # an address may be wrong in many ways
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, self._host, self._port, limit=LONGEST_HEAD)
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ended.wait()
        server.close()  # the open connections end with the loop

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            # A client that goes away, or is too slow, gets no answer, and costs nobody else anything.
            with suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.wait_for(self._converse(reader, writer), 2 * DEADLINE)
        finally:
            self._open -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open > MOST_CONNECTIONS:
            method, answer = "GET", Answer(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections\n")
        else:
            try:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
            except asyncio.LimitOverrunError:
                method, answer = "GET", Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long\n")
            else:
                method, answer = self._asked(head)
        body = answer.body.encode(errors="backslashreplace")
        lines = [
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Content-Type: {answer.kind}",
            f"Content-Length: {len(body)}",
            *(["Allow: GET, HEAD"] if answer.status is HTTPStatus.METHOD_NOT_ALLOWED else []),
            *HEADERS,
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if method == "HEAD" else body))
        await writer.drain()

    def _asked(self, head: bytes) -> tuple[str, Answer]:
        """Return the method, and the answer to the request that begins with *head*."""
        words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return "GET", Answer(HTTPStatus.BAD_REQUEST, "this is no request of HTTP/1.1\n")
        method, target, _ = words
        if method not in ("GET", "HEAD"):
            return method, Answer(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n")
        path = target.partition("?")[0]
        try:
            return method, self._answer(path)
        except Exception as error:  # its message is nothing for strangers
            _log.exception("answering %s failed", ascii(path)[:200])
            return method, Answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: see the log\n")
