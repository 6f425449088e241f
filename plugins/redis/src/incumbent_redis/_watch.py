"""What happens in the store, heard and looked at for all electors of a backend on one thread."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from incumbent import BackendRejectedError, ElectionError, boottime
from incumbent.toolkit import Beats

from ._records import Records
from ._store import Store

if TYPE_CHECKING:
    from ._connection import Wire

__all__ = ["News"]

_log = logging.getLogger("incumbent.redis")

#: Seconds after which a subscription that failed is tried again.
RETRY = 0.5
#: Ttls after which it is seen whether the subscription is alive: meanwhile the looks find what is not heard.
UNHEARD = 3.0


class News:
    """
    One subscription to the channels of all elections, and one look at all of them every so often.

    A message can be lost, with its connection, and nobody sends one for a leader that is silent, or for a key that an
    operator has deleted. The looks find all of that.
    """

    def __init__(self, store: Store, records: Records, beats: Beats) -> None:
        self._store = store
        self._records = records
        self._beats = beats
        self._unheard = UNHEARD * beats.settings.ttl
        self._lock = threading.Lock()
        self._changed = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._pipe: tuple[int, int] | None = None
        # The thread's own.
        self._wire: Wire | None = None
        #: Each with its election.
        self._channels: dict[str, str] = {}
        self._is_pinged = self._is_deaf = False
        self._retry_at = 0.0

    def wake(self) -> None:
        """Follow the elections that the electors follow now; begin with the first one."""
        with self._lock:
            if self._closing:
                return
            self._changed = True
            if self._thread is None:
                self._pipe = os.pipe()
                os.set_blocking(self._pipe[1], False)
                self._thread = threading.Thread(target=self._run, name="incumbent-redis-news", daemon=True)
                self._thread.start()
            self._ring()

    def stop(self) -> None:
        """Let the thread end. Idempotent."""
        with self._lock:
            self._closing = True
            self._ring()

    def join(self, timeout: float) -> None:
        """Wait *timeout* seconds at most for its end."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _ring(self) -> None:
        if self._pipe is not None:
            with suppress(BlockingIOError):  # full: it will wake up
                os.write(self._pipe[1], b".")

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        interval = self._beats.interval
        look_at, ping_at = boottime() + interval, boottime() + self._unheard
        try:
            while not self._closing:
                if self._hear() or boottime() >= look_at:
                    look_at = boottime() + self._look()
                if boottime() >= ping_at:
                    ping_at = boottime() + self._unheard
                    self._ping()
                turn = self._beats.tell_in_turn()
                pause = max(0.0, min(look_at, ping_at) - boottime())
                self._wait(pause if turn is None else min(pause, turn))
        finally:
            if self._wire is not None:
                self._store.drop(self._wire)
            with self._lock:
                pipe, self._pipe = self._pipe, None
            for descriptor in pipe or ():
                os.close(descriptor)

    def _hear(self) -> bool:
        """Subscribe to what is new, and pass on what has come; tell whether something may have been missed."""
        missed = False
        try:
            wire = self._wire
            if wire is None:
                if time.monotonic() < self._retry_at or not self._beats.lock_ids():
                    return False
                wire = self._wire = self._store.open(self._store.deadline())
                self._channels, self._is_pinged, self._changed = {}, False, True
            with self._store.translating(wire):
                wire.deadline = time.monotonic() + self._store.timeout
                self._subscribe(wire)
                while wire.can_read(0):
                    missed = self._take(wire.read_response()) or missed
        except ElectionError as error:
            _log.debug("the subscription ended: %s", error)
            if self._wire is not None and isinstance(error, BackendRejectedError) and not self._is_deaf:
                self._is_deaf = True  # once: asking again hardly helps, and the looks find all
                _log.warning("the news of elections come late, for they cannot be subscribed to: %s", error)
            self._wire = None
            self._retry_at = time.monotonic() + (self._beats.interval if self._is_deaf else RETRY)
        return missed

    def _subscribe(self, wire: Wire) -> None:
        with self._lock:
            if not self._changed:
                return
            self._changed = False
        wanted = {self._records.key(lock_id): lock_id for lock_id in self._beats.lock_ids()}
        new, old = wanted.keys() - self._channels.keys(), self._channels.keys() - wanted.keys()
        for word, channels in (("SUBSCRIBE", new), ("UNSUBSCRIBE", old)):
            if channels:
                wire.send(word, *channels)
        self._channels = wanted

    def _take(self, answer: Any) -> bool:
        kind = answer[0]
        if kind == b"pong":
            self._is_pinged = False
        elif kind == b"subscribe":
            self._is_deaf = False
        elif kind == b"message":
            lock_id = self._channels.get(answer[1].decode())
            if lock_id is not None:
                word, _, waiting = answer[2].partition(b" ")
                waiting = int(waiting) if waiting.isdigit() else 0
                self._beats.tell(lock_id, is_free=word == b"free", waiting=waiting)
        return bool(kind == b"subscribe")

    def _ping(self) -> None:
        """See that the subscription is alive: nothing else shows on a connection on which nothing is sent."""
        wire = self._wire
        if wire is None:
            return
        try:
            with self._store.translating(wire):
                if self._is_pinged:
                    raise TimeoutError
                wire.deadline = time.monotonic() + self._store.timeout
                wire.send("PING")
                self._is_pinged = True
        except ElectionError:
            self._wire = None

    def _look(self) -> float:
        """Look at all elections; return the seconds after which to do so again."""
        try:
            return self._beats.look(self._records.look) or self._beats.interval
        except ElectionError as error:
            _log.debug("the elections could not be looked at: %s", error)
            return RETRY

    def _wait(self, seconds: float) -> None:
        pipe = self._pipe
        if pipe is None:
            return
        poller = select.poll()
        poller.register(pipe[0], select.POLLIN)
        if self._wire is not None:
            poller.register(self._wire.fileno(), select.POLLIN)
        ready = poller.poll(seconds * 1000)
        if any(descriptor == pipe[0] for descriptor, _ in ready):
            os.read(pipe[0], 4096)
