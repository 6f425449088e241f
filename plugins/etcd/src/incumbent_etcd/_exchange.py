"""
One request and one answer over a remote method that has a stream of each: etcd's keep-alive of a lease.

The stream stays open until the answer is there: `etcd grpc-proxy` answers nothing once the requests have ended. And
each request has a stream of its own, after the end of the one before: the proxy answers the second on a stream, or on a
second stream, only when it itself renews next, which may be a third of the ttl later.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

__all__ = ["Exchange", "Exchanges"]

#: Seconds that a stream may take to end when its answer is there; then the next one begins all the same.
LINGER = 0.5


class Exchanges:
    """What gRPC makes of a method with one request and one answer, of one with a stream of each. Thread-safe."""

    def __init__(self, method: Any) -> None:
        self._method = method
        #: Of streams whose answer is there: set when they have ended.
        self._endings: set[threading.Event] = set()

    def future(self, request: Any, **options: Any) -> Exchange:
        """Send *request*. The options are gRPC's. Raises ValueError if the channel is closed."""
        end = time.monotonic() + LINGER
        for ending in self._endings.copy():
            ending.wait(max(0.0, end - time.monotonic()))
            self._endings.discard(ending)
        return Exchange(self._method, request, options, self._endings)


class Exchange:
    """A request that is out."""

    def __init__(self, method: Any, request: Any, options: dict[str, Any], endings: set[threading.Event]) -> None:
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._requests.put(request)
        self._endings = endings
        self._ended = threading.Event()
        self._call = method(iter(self._requests.get, None), **options)
        self._call.add_done_callback(self._is_over)

    def result(self) -> Any:
        """Wait for the answer; None if the stream ends without one. Raises what gRPC raises."""
        answer = next(self._call, None)
        self._endings.add(self._ended)
        self._requests.put(None)
        if self._ended.is_set():
            self._endings.discard(self._ended)
        return answer

    def cancel(self) -> None:
        """Do not wait for it."""
        self._call.cancel()

    def _is_over(self, _: Any) -> None:
        self._requests.put(None)  # else gRPC's thread would wait for another request
        self._ended.set()
        self._endings.discard(self._ended)
