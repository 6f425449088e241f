"""
One stream of watches for all elections of a backend.

python-etcd3's own watcher is not used: its thread spins after a server's death, and its watches stay silent after
an expired token. Here a stream that ends ends its thread too, and each watch on it says once that it is broken;
the electors then ask, and watch anew.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from incumbent import BackendUnavailableError, ElectionError

from ._client import Client
from ._connection import Connection
from ._errors import is_token_refused

__all__ = ["Watch", "Watcher"]

_log = logging.getLogger("incumbent.etcd")

#: A stream that ended earlier, seconds, was refused; then the next one is not opened at once.
SHORT = 1.0
FIRST_REST, LONGEST_REST = 0.1, 5.0
#: Seconds that `close` waits for the thread.
PROMPT = 1.0


class Watch:
    """One key, or range of keys, that is watched."""

    def __init__(self, create: Any, happened: Callable[[bytes], None], missed: Callable[[], None]) -> None:
        self.create = create
        self.happened = happened
        self.missed = missed
        self.number: int | None = None
        #: Whether news may still come from it.
        self.active = True


class Watcher:
    """The stream, opened when it is needed. Thread-safe. Callbacks come on its thread, and must not block."""

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._stream: _Stream | None = None
        self._closing = threading.Event()
        self._short_lived = 0

    def watch(
        self,
        key: bytes,
        revision: int,
        happened: Callable[[bytes], None],
        missed: Callable[[], None],
        *,
        range_end: bytes = b"",
        deletions: bool = False,
    ) -> Watch:
        """
        Watch *key* from *revision* on.

        Args:
            key: The key, or the first one.
            revision: The first revision whose events are wanted.
            happened: Called with the key of each event.
            missed: Called when events may have been missed. If the watch is not `active` then, no more will come.
            range_end: The first key behind the range.
            deletions: Whether only deletions are wanted.
        """
        rpc = self._connection.rpc
        create = rpc.WatchCreateRequest(
            key=key,
            range_end=range_end,
            start_revision=revision,
            filters=[rpc.WatchCreateRequest.NOPUT] if deletions else [],
        )
        watch = Watch(create, happened, missed)
        with self._lock:
            if self._closing.is_set():
                watch.active = False
                return watch
            if self._stream is None:
                self._stream = _Stream(self._connection)
                threading.Thread(
                    target=self._read, args=(self._stream,), name="incumbent-etcd-watch", daemon=True
                ).start()
            self._stream.add(watch)
        return watch

    def cancel(self, watch: Watch) -> None:
        """End *watch*; it calls nothing any more."""
        with self._lock:
            watch.active = False
            if self._stream is not None:
                self._stream.remove(watch)

    def reset(self) -> None:
        """Break all watches: another server is asked from now on."""
        with self._lock:
            stream = self._stream
        if stream is not None:
            stream.end()

    def close(self) -> None:
        """End the stream and its thread. Idempotent."""
        self._closing.set()
        with self._lock:
            stream = self._stream
        if stream is not None:
            stream.end()
            if threading.current_thread() is not stream.thread:
                stream.ended.wait(PROMPT)

    # ------------------------------------------------------------ the thread

    def _read(self, stream: _Stream) -> None:
        stream.thread = threading.current_thread()
        began = self._clock()
        try:
            for response in stream.responses():
                self._take(stream, response)
        except Exception as error:
            stream.failed(error)
        stream.end()
        self._rest(began)
        with self._lock:
            if self._stream is stream:
                self._stream = None
            broken = stream.take_all()
        for watch in broken:
            self._break(watch)
        stream.ended.set()

    def _rest(self, began: float) -> None:
        """Pause if streams are refused one after the other, before the electors, who ask for the next, are told."""
        if self._clock() - began > SHORT:
            self._short_lived = 0
            return
        self._short_lived += 1
        if self._short_lived > 1:
            self._closing.wait(min(FIRST_REST * 2.0**self._short_lived, LONGEST_REST))

    def _take(self, stream: _Stream, response: Any) -> None:
        with self._lock:
            watch = stream.known(response)
            if watch is not None and response.canceled:
                stream.forget(watch)
                if watch.active and response.compact_revision:
                    watch.create.start_revision = response.compact_revision
                    stream.add(watch)
        if watch is None or not watch.active:
            return
        if response.canceled and response.compact_revision:
            _call(watch.missed)
        elif response.canceled:  # refused: an expired token shows nowhere else
            stream.refused()
            self._break(watch)
        for event in response.events:
            _call(lambda key=event.kv.key: watch.happened(key))  # type: ignore[misc]

    def _break(self, watch: Watch) -> None:
        if watch.active and not self._closing.is_set():
            watch.active = False
            _call(watch.missed)


class _Stream:
    """One call of the remote method Watch, and the watches on it. Locked by the watcher."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pending: deque[Watch] = deque()  # the server numbers them in this order
        self._watches: dict[int, Watch] = {}
        self._call: Any = None
        self._client: Client | None = None
        self._over = False
        self.thread: threading.Thread | None = None
        self.ended = threading.Event()

    def add(self, watch: Watch) -> None:
        self._pending.append(watch)
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
        watch = self._pending.popleft()
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
        watches = [*self._watches.values(), *self._pending]
        self._watches, self._pending = {}, deque()
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
        if is_token_refused(error):
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


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        _log.exception("a listener failed")
