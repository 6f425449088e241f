"""
One stream of watches for all elections of a backend.

python-etcd3's own watcher is not used: its thread spins after a server's death, and its watches stay silent after
an expired token. Here a stream that ends ends its thread too, and each watch on it says once that it is broken;
the electors then ask, and watch anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from ._connection import Connection
from ._stream import Stream, Watch

__all__ = ["Watch", "Watcher"]

_log = logging.getLogger("incumbent.etcd")

#: A stream that ended earlier, seconds, was refused; then the next one is not opened at once.
SHORT = 1.0
FIRST_REST, LONGEST_REST = 0.1, 5.0
#: A watch that is there cannot be overtaken by compaction, and only a few times on its way.
MOST_COMPACTIONS = 3


class Watcher:
    """The stream, opened when it is needed. Thread-safe. Callbacks come on its thread, and must not block."""

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._stream: Stream | None = None
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
                stream = Stream(self._connection)
                threading.Thread(target=self._read, args=(stream,), name="incumbent-etcd-watch", daemon=True).start()
                self._stream = stream
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
                stream.ended.wait(self._connection.timeout)  # longest if it is still looking for an address

    # ------------------------------------------------------------ the thread

    def _read(self, stream: Stream) -> None:
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

    def _take(self, stream: Stream, response: Any) -> None:
        with self._lock:
            watch, is_compacted = stream.known(response), False
            if watch is not None and response.canceled:
                stream.forget(watch)
                is_compacted = response.compact_revision > 0 and watch.compactions < MOST_COMPACTIONS
                if watch.active and is_compacted:
                    watch.compactions += 1
                    watch.create.start_revision = response.compact_revision
                    stream.add(watch)
        if watch is None or not watch.active:
            return
        if is_compacted:
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


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        _log.exception("a listener failed")
