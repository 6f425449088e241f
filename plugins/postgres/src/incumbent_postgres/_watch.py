"""
Who is told of what: one thread and one connection for all elections of a backend.

Notifications (LISTEN) tell at once. They may be lost, behind a pooler always, and silence sends none: so the thread
also looks at all elections in one statement, every tenth of the ttl.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from incumbent import ElectionError

from ._connection import Client
from ._errors import MISSING, LostError, RefusedError
from ._layout import Entry, Layout, entries
from ._pool import Pool
from ._sightings import Sightings

__all__ = ["Interest", "Watch", "shown"]

_log = logging.getLogger("incumbent.postgres")

#: Of the ttl, between two looks.
INTERVAL = 1 / 10
#: Seconds between two attempts to connect: doubled each time.
FIRST_REST, LONGEST_REST = 0.1, 5.0
#: Seconds that `close` gives a thread that has its answer.
PROMPT = 1.0


@dataclass(eq=False, slots=True)
class Interest:
    """What one elector wants to be told of."""

    lock_id: str
    claim: str
    notify: Callable[[], None]
    is_leading: bool = False
    is_observing: bool = False
    #: What the observer was shown last.
    shown: tuple[str, int] | None = None
    #: When something happened that no earlier renewal can know of.
    latest: float = 0.0


class Watch:
    """
    Starts when the first elector is interested. Thread-safe.

    Args:
        pool: Connects.
        layout: Where to look.
        sightings: What is told of the sessions that are seen.
        ttl: Seconds that a silent claim is kept.
        clock: `BackendSettings.clock`.
    """

    def __init__(
        self, pool: Pool, layout: Layout, sightings: Sightings, ttl: float, clock: Callable[[], float]
    ) -> None:
        self._pool = pool
        self._layout = layout
        self._sightings = sightings
        self._interval = ttl * INTERVAL
        self._clock = clock
        self._lock = threading.Lock()
        self._interests: dict[str, set[Interest]] = {}
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._alarm: tuple[int, int] | None = None

    def add(self, interest: Interest) -> None:
        """Tell *interest* from now on. Idempotent."""
        with self._lock:
            if self._closing.is_set():
                return
            is_first = not self._interests
            self._interests.setdefault(interest.lock_id, set()).add(interest)
            if self._thread is None:
                self._alarm = os.pipe()
                os.set_blocking(self._alarm[1], False)
                self._thread = threading.Thread(target=self._run, name="incumbent-postgres-watch", daemon=True)
                self._thread.start()
            elif is_first:
                self._ring()

    def remove(self, interest: Interest) -> None:
        """Tell it nothing any more."""
        with self._lock:
            interests = self._interests.get(interest.lock_id, set())
            interests.discard(interest)
            if not interests:
                self._interests.pop(interest.lock_id, None)

    def close(self) -> None:
        """End the thread and its connection: as soon as what it asks is answered, or out of time. Idempotent."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            self._ring()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._pool.timeout + PROMPT)

    def _ring(self) -> None:
        if self._alarm is not None:
            with suppress(BlockingIOError):  # full: it rings already
                os.write(self._alarm[1], b".")

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        assert self._alarm is not None
        rest = FIRST_REST
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                self._watch(self._alarm[0])
            except (ElectionError, LostError, RefusedError) as error:
                _log.debug("watching has ended: %s", error)
            if time.monotonic() - began > LONGEST_REST:
                rest = FIRST_REST
            self._closing.wait(rest)
            rest = min(2 * rest, LONGEST_REST)
        with self._lock:
            for descriptor in self._alarm:
                os.close(descriptor)
            self._alarm = None

    def _watch(self, alarm: int) -> None:
        """Connect, and tell who is interested, until the connection fails."""
        client = self._pool.connect(self._end())
        try:
            client.run(self._layout.listen(), self._end())
            while not self._closing.is_set():
                pause = self._look(client)
                self._wait(client, alarm, pause)
        except (LostError, RefusedError):
            self._pool.failed(client)
            raise
        finally:
            client.close()

    def _wait(self, client: Client, alarm: int, pause: float | None) -> None:
        """Wait *pause* seconds, and hand on what arrives meanwhile; for ever, if it is None, until the alarm."""
        end = None if pause is None else time.monotonic() + pause
        while not self._closing.is_set():
            for news in client.notifications():
                self._heard(news)
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            poll = select.poll()
            poll.register(client.descriptor, select.POLLIN)
            poll.register(alarm, select.POLLIN)
            if alarm in dict(poll.poll(None if left is None else left * 1000)):
                os.read(alarm, 4096)
                return

    def _heard(self, news: str) -> None:
        claim, _, lock_id = news[1:].partition(" ")
        for interest in self._of(lock_id):
            if claim == interest.claim and not interest.is_observing:
                continue  # its own doing
            if news.startswith("-") or interest.is_leading or interest.is_observing:  # who waits need not ask who won
                self._tell(interest)

    def _look(self, client: Client) -> float | None:
        """Look at all elections, tell what is new, and return when to look again."""
        with self._lock:
            lock_ids = list(self._interests)
        if not lock_ids:
            return None
        try:
            rows = client.run(self._layout.look(lock_ids), self._end())[-1]
        except RefusedError as error:
            if error.sqlstate not in MISSING:
                raise
            rows = []
        found: dict[str, Entry] = {}
        for row in rows:
            with suppress(ElectionError):  # what makes no sense is told by whose election it is, when it asks
                found |= entries([row])
        left = {lock_id: self._sightings.saw(entry) for lock_id, entry in found.items()}
        self._sightings.keep({entry.session for entry in found.values()})
        for lock_id in lock_ids:
            for interest in self._of(lock_id):
                if _is_news(interest, found.get(lock_id), is_free=not left.get(lock_id)):
                    self._tell(interest)
        # A claim that ends by silence is told on time.
        return min([self._interval, *filter(None, left.values())])

    def _of(self, lock_id: str) -> list[Interest]:
        with self._lock:
            return list(self._interests.get(lock_id, ()))

    def _tell(self, interest: Interest) -> None:
        interest.latest = self._clock()
        interest.notify()

    def _end(self) -> float:
        return time.monotonic() + self._pool.timeout


def shown(entry: Entry | None) -> tuple[str, int] | None:
    """Return what a record shows of *entry*."""
    return None if entry is None or not entry.is_fresh else (entry.claim, entry.token)


def _is_news(interest: Interest, entry: Entry | None, *, is_free: bool) -> bool:
    if interest.is_observing and shown(entry) != interest.shown:
        interest.shown = shown(entry)
        return True
    if interest.is_leading:
        return entry is None or entry.claim != interest.claim
    return is_free
