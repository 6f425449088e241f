"""What happens in the store, heard and looked at for all electors of a backend on one thread."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from incumbent import BackendRejectedError, ElectionError, boottime

from ._layout import LOOK
from ._sightings import Guard
from ._store import Store

if TYPE_CHECKING:
    from ._connection import Wire

__all__ = ["Member", "News"]

_log = logging.getLogger("incumbent.redis")

#: Of the ttl, how often the elections are looked at: a claim's last renewal is known that exactly.
INTERVAL = 1 / 6
#: Seconds after which a subscription that failed is tried again.
RETRY = 0.5
#: Elections that one request looks at.
BATCH = 500


class Member(Protocol):
    """An elector, as it is seen here. Its methods must not block."""

    key: str

    def due(self) -> float | None:
        """Return when to look for whether it may win, on `boottime`."""

    def looked(self, claim: bytes, beat: bytes, ttl: bytes, young_until: float | None) -> None:
        """Take note of what is in the store."""

    def told(self, what: bytes) -> None:
        """Take note of a message of the scripts."""


class News:
    """
    One subscription to the channels of all elections, and one look at all of them every so often.

    A message can be lost, with its connection, and nobody sends one for a leader that is silent, or for a key that an
    operator has deleted. The looks find all of that.
    """

    def __init__(self, store: Store, guard: Guard, guard_key: str, ttl: float) -> None:
        self._store = store
        self._guard = guard
        self._guard_key = guard_key
        self._interval = ttl * INTERVAL
        self._lock = threading.Lock()
        self._members: dict[str, list[Member]] = {}
        self._changed = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._pipe: tuple[int, int] | None = None
        # The thread's own.
        self._wire: Wire | None = None
        self._channels: set[str] = set()
        self._is_pinged = self._is_deaf = False
        self._retry_at = self._rest_until = 0.0

    def follow(self, member: Member) -> None:
        """Tell *member* from now on what happens in its election. Idempotent."""
        with self._lock:
            members = self._members.setdefault(member.key, [])
            if self._closing or member in members:
                return
            members.append(member)
            self._changed = True
            if self._thread is None:
                self._pipe = os.pipe()
                os.set_blocking(self._pipe[1], False)
                self._thread = threading.Thread(target=self._run, name="incumbent-redis-news", daemon=True)
                self._thread.start()
            self._wake()

    def leave(self, member: Member) -> None:
        """Tell it nothing any more."""
        with self._lock:
            members = self._members.get(member.key, [])
            if member in members:
                members.remove(member)
                if not members:
                    del self._members[member.key]
                self._changed = True

    def stop(self) -> None:
        """Let the thread end. Idempotent."""
        with self._lock:
            self._closing = True
            self._wake()

    def join(self, timeout: float) -> None:
        """Wait *timeout* seconds at most for its end."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _wake(self) -> None:
        if self._pipe is not None:
            with suppress(BlockingIOError):  # full: it will wake up
                os.write(self._pipe[1], b".")

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        tick = boottime() + self._interval
        try:
            while not self._closing:
                heard = self._hear()
                now = boottime()
                if heard or now >= self._next_look(tick):
                    self._look()
                    now = boottime()
                if now >= tick:
                    tick = now + self._interval
                    self._ping()
                self._wait(max(0.0, self._next_look(tick) - boottime()))
        finally:
            if self._wire is not None:
                self._store.drop(self._wire)
            with self._lock:
                pipe, self._pipe = self._pipe, None
            for descriptor in pipe or ():
                os.close(descriptor)

    def _next_look(self, tick: float) -> float:
        with self._lock:
            members = [member for members in self._members.values() for member in members]
        due = [moment for moment in (member.due() for member in members) if moment is not None]
        return max(self._rest_until, min([tick, *due]))

    def _hear(self) -> bool:
        """Subscribe to what is new, and pass on what has come; tell whether something may have been missed."""
        missed = False
        try:
            wire = self._wire
            if wire is None:
                if time.monotonic() < self._retry_at or not self._members:
                    return False
                wire = self._wire = self._store.open(self._store.deadline())
                self._channels, self._is_pinged, self._changed = set(), False, True
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
            self._retry_at = time.monotonic() + (self._interval if self._is_deaf else RETRY)
        return missed

    def _subscribe(self, wire: Wire) -> None:
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            wanted = set(self._members)
        for word, channels in (("SUBSCRIBE", wanted - self._channels), ("UNSUBSCRIBE", self._channels - wanted)):
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
            with self._lock:
                members = list(self._members.get(answer[1].decode(), ()))
            for member in members:
                member.told(answer[2])
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

    def _look(self) -> None:
        with self._lock:
            elections = {key: list(members) for key, members in self._members.items()}
        keys = list(elections)
        try:
            for begin in range(0, len(keys), BATCH):
                some = keys[begin : begin + BATCH]
                young_until, records = self._store.run(
                    LOOK,
                    [self._guard_key, *some],
                    self._guard.arguments(),
                    read=lambda answer, some=some: self._read(answer, some),  # type: ignore[misc]
                )
                for key, record in zip(some, records, strict=True):
                    for member in elections[key]:
                        member.looked(*record, young_until)
        except ElectionError as error:
            _log.debug("the elections could not be looked at: %s", error)
            self._rest_until = boottime() + RETRY

    def _read(self, answer: Any, keys: list[str]) -> tuple[float | None, list[tuple[bytes, bytes, bytes]]]:
        young_until = self._guard.saw(answer[0], answer[1])
        fields = answer[2:]
        if len(fields) != 3 * len(keys) or not all(isinstance(field, bytes) for field in fields):
            raise ValueError
        return young_until, list(zip(fields[::3], fields[1::3], fields[2::3], strict=True))

    def _wait(self, seconds: float) -> None:
        pipe = self._pipe
        if pipe is None:
            return
        poller = select.poll()
        poller.register(pipe[0], select.POLLIN)
        if self._wire is not None:
            poller.register(self._wire.fileno(), select.POLLIN)
        ready = poller.poll(min(seconds, self._interval) * 1000)
        if any(descriptor == pipe[0] for descriptor, _ in ready):
            os.read(pipe[0], 4096)
