"""One call of etcd's remote method Watch, and the watches that go over it."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from incumbent import BackendUnavailableError, ElectionError

from ._client import Client
from ._connection import Connection

__all__ = ["Stream", "Watch"]

_log = logging.getLogger("incumbent.etcd")


class Watch:
    """One key, or range of keys, that is watched."""

    def __init__(self, create: Any, happened: Callable[[bytes], None], missed: Callable[[], None]) -> None:
        self.create = create
        self.happened = happened
        self.missed = missed
        self.number: int | None = None
        #: How often the server had compacted what was to be watched.
        self.compactions = 0
        #: Whether news may still come from it.
        self.active = True


class Stream:
    """Opened when it is read. Not thread-safe: locked by the watcher, but for `responses` and `end`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._added = itertools.count()
        self._pending: dict[int, Watch] = {}  # by the numbers that the server will give them: in this order
        self._watches: dict[int, Watch] = {}
        self._call: Any = None
        self._client: Client | None = None
        self._over = False
        self.thread: threading.Thread | None = None
        self.ended = threading.Event()

    def add(self, watch: Watch) -> None:
        self._pending[next(self._added)] = watch
        self._requests.put(self._connection.rpc.WatchRequest(create_request=watch.create))

    def remove(self, watch: Watch) -> None:
        """Tell the server if it has numbered the watch; else `known` does when it has."""
        if watch.number is not None and self._watches.pop(watch.number, None) is not None:
            rpc = self._connection.rpc
            self._requests.put(rpc.WatchRequest(cancel_request=rpc.WatchCancelRequest(watch_id=watch.number)))

    def known(self, response: Any) -> Watch | None:
        """Return the watch that *response* is about; numbers it if it has been created."""
        if not response.created:
            return self._watches.get(response.watch_id)
        if not self._pending:
            return None
        # `etcd grpc-proxy` says that they are there in any order. One that is refused has no number.
        number = response.watch_id if response.watch_id in self._pending else min(self._pending)
        watch = self._pending.pop(number)
        watch.number = response.watch_id
        if not response.canceled:
            self._watches[response.watch_id] = watch
            if not watch.active:
                self.remove(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        if watch.number is not None:
            self._watches.pop(watch.number, None)

    def take_all(self) -> list[Watch]:
        watches = [*self._watches.values(), *self._pending.values()]
        self._watches, self._pending = {}, {}
        return watches

    def responses(self) -> Iterator[Any]:
        self._client, self._call = self._connection.watch(self._sent())
        if self._over:
            self._call.cancel()
        yield from self._call

    def failed(self, error: Exception) -> None:
        """Say why it ended, unless we ended it."""
        if self._over or self._client is None:
            return
        made = error if isinstance(error, ElectionError) else self._client.error(error)
        _log.debug("the stream of watches ended: %s", made)
        if self._client.is_token_refused(error):
            self._client.forget_token()
        elif isinstance(made, BackendUnavailableError):
            self._connection.failed(self._client)

    def refused(self) -> None:
        """Authenticate again before the next stream, which must be a new one: the token is the stream's."""
        if self._client is not None:
            self._client.forget_token()
        self.end()

    def end(self) -> None:
        self._over = True
        self._requests.put(None)
        if self._call is not None:
            self._call.cancel()

    def _sent(self) -> Iterator[Any]:
        # gRPC's thread waits in here: the None of `end` lets it go.
        yield from iter(self._requests.get, None)
