"""
Who is told of what: one thread and one connection for all elections of a backend.

Notifications (LISTEN) tell at once. They may be lost, behind a pooler always, and silence sends none: so the thread
also looks at all elections in one statement, every sixth of the ttl.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from incumbent import ElectionError
from incumbent.toolkit import Beats, Record

from ._connection import Client
from ._errors import MISSING, LostError, RefusedError
from ._layout import Layout
from ._pool import Pool
from ._records import record_of
from ._rows import Entry, entries

__all__ = ["Watch"]

_log = logging.getLogger("incumbent.postgres")

#: Seconds between two attempts to connect: doubled each time.
FIRST_REST, LONGEST_REST = 0.1, 5.0
#: Elections of a process whose others are shown that it waits: a server has room for some 64 locks of a connection.
MOST_MARKS = 8
#: Seconds that `close` gives a thread that has its answer.
PROMPT = 1.0


class Watch:
    """
    Starts when the first elector is interested. Thread-safe.

    Args:
        pool: Connects.
        layout: Where to look.
        beats: Whose elections, and who is told.
    """

    def __init__(self, pool: Pool, layout: Layout, beats: Beats) -> None:
        self._pool = pool
        self._layout = layout
        self._beats = beats
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._alarm: tuple[int, int] | None = None

    def wake(self) -> None:
        """Look at the elections that are followed now, at once if there were none before."""
        with self._lock:
            if self._closing.is_set():
                return
            if self._thread is None:
                self._alarm = os.pipe()
                os.set_blocking(self._alarm[1], False)
                self._thread = threading.Thread(target=self._run, name="incumbent-postgres-watch", daemon=True)
                self._thread.start()
            self._ring()

    def stop(self) -> None:
        """Let the thread and its connection end: as soon as what it asks is answered, or out of time. Idempotent."""
        with self._lock:
            self._closing.set()
            self._ring()

    def join(self) -> None:
        """Wait for that."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self._pool.timeout + PROMPT)

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
            marked: frozenset[str] = frozenset()
            while not self._closing.is_set():
                marked = self._mark(client, marked)
                self._wait(client, alarm, self._beats.look(partial(self._look, client)))
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
                whose, _, lock_id = news[1:].partition(" ")
                claim, _, waiting = whose.partition(":")
                self._beats.tell(lock_id, is_free=news.startswith("-"), owner=claim, waiting=int(waiting or 0))
            turn = self._beats.tell_in_turn()
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            poll = select.poll()
            poll.register(client.descriptor, select.POLLIN)
            poll.register(alarm, select.POLLIN)
            pause = min((seconds for seconds in (left, turn) if seconds is not None), default=None)
            if alarm in dict(poll.poll(None if pause is None else pause * 1000)):
                os.read(alarm, 4096)
                if end is None:
                    return

    def _mark(self, client: Client, marked: frozenset[str]) -> frozenset[str]:
        """Show which elections are waited for."""
        lock_ids = frozenset(self._beats.lock_ids())
        wanted = lock_ids if len(lock_ids) <= MOST_MARKS else frozenset()
        if wanted != marked:
            with suppress(RefusedError):  # who may not is not counted
                client.run(self._layout.mark(wanted - marked, marked - wanted), self._end())
        return wanted

    def _look(self, client: Client, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        """Read all elections."""
        try:
            rows = client.run(self._layout.look(lock_ids), self._end())[-1]
        except RefusedError as error:
            if error.sqlstate not in MISSING:
                raise
            return {}
        found: dict[str, Entry] = {}
        for row in rows:
            with suppress(ElectionError):  # what makes no sense is told by whose election it is, when it asks
                found |= entries([row])
        return {lock_id: record_of(entry) for lock_id, entry in found.items()}

    def _end(self) -> float:
        return time.monotonic() + self._pool.timeout
