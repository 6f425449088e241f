"""News: one thread that hears what changes on the server, and has the electors of that election asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from incumbent import ElectionError, LeaderElector

from ._store import Store

#: Seconds without a sign of life after which a connection is taken for dead: the server gives one each second.
SILENCE = 5.0
#: Seconds after which a connection that failed is made anew.
RETRY = 0.2


class News:
    """
    Told by the server, on a connection of its own. Thread-safe.

    What happens while there is no connection is missed. So whenever one is made, everybody is asked; and so they are
    when it is lost, for then nothing is known any more.
    """

    def __init__(self, store: Store, electors: Callable[[], Iterable[LeaderElector]]) -> None:
        self._store = store
        self._electors = electors
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="toy-news", daemon=True)

    def start(self) -> None:
        """Begin. To be called once."""
        self._thread.start()

    def stop(self) -> None:
        """End, as soon as `Store.close` has ended the connection. Idempotent."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait *timeout* seconds at most for the end, after `Store.close` (P8)."""
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except ElectionError:
                self._tell(None)
            self._stop.wait(RETRY)

    def _listen(self) -> None:
        until = time.monotonic() + self._store.timeout
        with self._store.lent(until) as line:
            line.ask({"do": "watch"}, until)
            self._tell(None)
            while not self._stop.is_set():
                news = line.read(time.monotonic() + SILENCE)
                if "changed" in news:  # the rest are signs of life
                    self._tell(news["changed"])
            line.close()

    def _tell(self, lock_id: str | None) -> None:
        """Have the electors of that election asked, or all."""
        for elector in self._electors():
            if lock_id in (None, elector.lock_id):
                elector.notify()
