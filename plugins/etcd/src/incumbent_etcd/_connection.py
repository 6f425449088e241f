"""The connection to a cluster: one server at a time, and the next one when it does not answer."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from incumbent import BackendUnavailableError
from incumbent.toolkit import Endpoint, ProcessBound, deadline, note_address, within

from ._client import Client
from ._errors import LeaseExistsError, LeaseGoneError
from ._library import load
from ._names import answering
from ._options import Options

__all__ = ["Connection", "Request"]

_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


class Connection(ProcessBound):
    """
    The servers of a URL. Connects when first used. Thread-safe.

    Args:
        options: Where and how.
        timeout: Seconds that a request may take.
    """

    def __init__(self, options: Options, timeout: float) -> None:
        super().__init__()
        self.options = options
        self.timeout = timeout
        #: Called when the server that was asked until now is left for another.
        self.on_rotation: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._clients: dict[int, Client] = {}
        #: Servers whose name may have an address that is better than their client's: it did not answer.
        self._doubted: set[int] = set()
        self._index = 0
        self._closed = False
        _connections.add(self)

    @property
    def rpc(self) -> Any:
        """python-etcd3's messages."""
        return load().rpc

    def send(self, name: str, request: Any) -> Request:
        """
        Send *request* of the remote method *name*, without waiting for the answer.

        Raises:
            ElectionError: Nothing was sent.
        """
        return Request(self, name, request)

    def call(self, name: str, request: Any) -> Any:
        """
        Send *request* of the remote method *name*, and return the answer.

        Raises:
            BackendUnavailableError: There is none, but the request may have taken effect. The next one is for
                the next server.
            BackendRejectedError: The server refuses.
        """
        return self.send(name, request).result()

    def read(self, name: str, request: Any) -> Any:
        """Do the same for what can be repeated: if there is a next server, or address, it is asked in half the time."""
        until, is_alone = deadline(self.timeout), len(self.options.endpoints) == 1
        half = (until + time.monotonic()) / 2
        try:
            has_next = self.client(until if is_alone else half).has_others or not is_alone
            with within(half - time.monotonic() if has_next else inf):
                sent = self.send(name, request)
        except BackendUnavailableError:
            if is_alone:
                raise
            return self.call(name, request)
        try:
            return sent.result()
        except BackendUnavailableError:
            if self.client(until) is sent.client:
                raise
        return self.call(name, request)

    def watch(self, requests: Iterator[Any]) -> tuple[Client, Any]:
        """Open a stream of watches on the present server; return its client, and the stream."""
        client = self.client(deadline(self.timeout))
        return client, client.watch(requests)

    def client(self, deadline: float) -> Client:
        """
        Return the connection to the present server, by *deadline* on `time.monotonic`.

        Raises:
            BackendUnavailableError: None of the server's addresses answers. The next request is for the next server.
        """
        self.check_process()
        with self._lock:
            self._check_open()
            index, client = self._index, self._clients.get(self._index)
            if client is not None and index not in self._doubted:
                return client
        endpoint = self.options.endpoints[index]
        try:
            # With a client there is something left to do should the resolver hang.
            until = deadline if client is None else (time.monotonic() + deadline) / 2
            address, has_others = answering(endpoint, until, self.timeout)
        except BackendUnavailableError:
            if client is None:
                self._pass_over(index)
                raise
            address, has_others = client.address, client.has_others
        with self._lock:
            self._check_open()
            present = self._clients.get(index)
            if present is not None and (present is not client or present.address == address):
                self._doubted.discard(index)  # it answers after all, or somebody else has been here
                return present
            made = self._clients[index] = Client(endpoint, address, self.options, self.timeout, has_others=has_others)
            self._doubted.discard(index)
        if present is not None:
            present.close()
            self.on_rotation()
        return made

    def _pass_over(self, index: int) -> None:
        with self._lock:
            if self._index != index or len(self.options.endpoints) == 1:
                return
            self._index = (index + 1) % len(self.options.endpoints)
        self.on_rotation()

    def _check_open(self) -> None:
        if self._closed:
            raise BackendUnavailableError("etcd: the backend is closed")

    def each(self) -> Iterator[Endpoint]:
        """Yield each server, and make it the present one while it is asked."""
        for endpoint in self.options.endpoints:
            self.prefer(endpoint)
            yield endpoint

    def failed(self, client: Client) -> None:
        """Note that *client* did not answer: the next server is asked from now on."""
        with self._lock:
            if self._closed or self._clients.get(self._index) is not client:
                return
            is_outdated = client.is_outdated
            if is_outdated:
                del self._clients[self._index]
            elif client.address != client.endpoint.host:
                note_address(client.endpoint.host, client.endpoint.port, client.address, answers=False)
                self._doubted.add(self._index)
            if not is_outdated and len(self.options.endpoints) == 1:
                return
            self._index = (self._index + 1) % len(self.options.endpoints)
        if is_outdated:
            client.close()
        self.on_rotation()

    def prefer(self, endpoint: Endpoint) -> None:
        """Ask that server from now on."""
        with self._lock:
            self._index = self.options.endpoints.index(endpoint)

    def close(self) -> None:
        """End everything. Idempotent. In a forked child, nothing is touched."""
        if self.is_foreign:
            return
        with self._lock:
            self._closed = True
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def abandon(self) -> None:
        """Forget, in a forked child, what is the parent's."""
        for client in self._clients.values():
            client.abandon()
        self._clients = {}


class Request:
    """A request that is out, to the server that was present when it was sent."""

    def __init__(self, connection: Connection, name: str, request: Any) -> None:
        self._connection = connection
        until = deadline(connection.timeout)
        #: Which server it went to.
        self.client = connection.client(until)
        try:
            self._reply = self.client.send(name, request, until)
        except BackendUnavailableError:
            connection.failed(self.client)
            raise

    def result(self) -> Any:
        """Wait for the answer. See `Connection.call`."""
        try:
            return self._reply.result()
        except (LeaseGoneError, LeaseExistsError):
            raise
        except BackendUnavailableError:
            self._connection.failed(self.client)
            raise

    def cancel(self) -> None:
        """Do not wait for it."""
        self._reply.cancel()


def _abandon_all() -> None:
    for connection in list(_connections):
        connection.abandon()


os.register_at_fork(after_in_child=_abandon_all)
