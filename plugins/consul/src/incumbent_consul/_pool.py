"""A few connections to whichever endpoint answers, for all threads of a backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from incumbent import BackendUnavailableError
from incumbent.toolkit import ProcessBound, deadline

from ._connection import Answer, Connection, NotSentError, Request
from ._endpoint import Endpoint

__all__ = ["Pool"]

#: Connections for requests that are answered at once. Consul allows 200 for each client address.
SIZE = 2


class Pool(ProcessBound):
    """
    Sends requests. Thread-safe; refuses to work in a forked child (P9).

    Args:
        endpoints: Where servers or agents are; each of them can answer everything.
        timeout: Seconds that a request may take.
    """

    def __init__(self, endpoints: tuple[Endpoint, ...], timeout: float) -> None:
        super().__init__()
        self._endpoints = endpoints
        self.timeout = timeout
        #: Called when another endpoint is used from now on.
        self.moved: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(SIZE)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False
        self._current = 0
        self._limits = threading.local()

    @property
    def endpoint(self) -> Endpoint:
        """The one that is in use."""
        return self._endpoints[self._current]

    @contextmanager
    def through(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Have this thread's requests inside the block use *connection*, and take up to *seconds*."""
        self._limits.own = connection, seconds
        try:
            yield
        finally:
            self._limits.own = None

    def ask(self, request: Request) -> Answer:
        """
        Send *request*, and return its answer, in time.

        Raises:
            BackendUnavailableError: The outcome is unknown.
            BackendRejectedError: A file that TLS needs cannot be used.
            InvalidStateError: This is a forked child.
        """
        self.check_process()
        own = getattr(self._limits, "own", None)
        if own is not None:
            connection, seconds = own
            return self._answer(connection, request, time.monotonic() + seconds, self.timeout)
        until = deadline(self.timeout)
        for left in range(len(self._endpoints), 1, -1):
            with suppress(NotSentError):  # it has had no effect, so the next endpoint may be asked at once
                return self._asked(request, until, left)
        return self._asked(request, until, 1)

    def connection(self) -> Connection:
        """Make a connection of its own, for `through`. It opens when it is used; who made it closes it."""
        return Connection(self.endpoint)

    def move_from(self, endpoint: Endpoint) -> None:
        """Use the next endpoint from now on, unless another thread has seen to that already."""
        with self._lock:
            moves = len(self._endpoints) > 1 and self.endpoint == endpoint and not self._closed
            if moves:
                self._current = (self._current + 1) % len(self._endpoints)
        if moves:
            self.moved()

    def close(self) -> None:
        """Close all connections; requests that are out fail, and so do later ones."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for connection in idle:
            connection.close()
        for connection in busy:
            connection.interrupt()

    # ------------------------------------------------------------ inside

    def _asked(self, request: Request, deadline: float, left: int) -> Answer:
        """Ask one of *left* endpoints, which share the time that there is for reaching one."""
        with self._pooled(deadline) as connection:
            return self._answer(connection, request, deadline, (deadline - time.monotonic()) / left)

    def _answer(self, connection: Connection, request: Request, deadline: float, patience: float) -> Answer:
        endpoint, reused = connection.endpoint, connection.served > 0
        try:
            try:
                return connection.ask(request, deadline, patience)
            except NotSentError:
                raise
            except BackendUnavailableError:
                # A connection that was idle may be found closed. Whatever is asked here may be asked twice.
                if not reused or self._closed or time.monotonic() >= deadline:
                    raise
                return connection.ask(request, deadline, patience)
        except BackendUnavailableError:
            self.move_from(endpoint)
            raise

    @contextmanager
    def _pooled(self, deadline: float) -> Iterator[Connection]:
        if not self._room.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise BackendUnavailableError(f"consul at {self.endpoint}: earlier requests have not been answered")
        try:
            connection = self._borrowed()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._room.release()

    def _borrowed(self) -> Connection:
        with self._lock:
            if self._closed:
                raise BackendUnavailableError("this backend has been closed")
            stale = [connection for connection in self._idle if connection.endpoint != self.endpoint]
            self._idle = [connection for connection in self._idle if connection.endpoint == self.endpoint]
            connection = self._idle.pop() if self._idle else Connection(self.endpoint)
            self._busy.add(connection)
        for unused in stale:
            unused.close()
        return connection

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            self._busy.discard(connection)
            keep = not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
