"""A backend on a store that can compare and set, and the thread that looks at its elections."""

from __future__ import annotations

import threading

from incumbent.address import Address
from incumbent.elector import BackendSettings, LeaderElector
from incumbent.errors import ElectionError

from .base_backend import BackendBase
from .beat import BeatStore
from .beat_elector import BeatElector
from .beats import Beats

__all__ = ["BeatBackend"]

#: Seconds that `close` gives the thread besides what a request may take.
PROMPT = 1.0


class BeatBackend(BackendBase):
    """
    A backend whose store is a `BeatStore`. It pushes, for it looks at all elections several times per ttl.

    A subclass says what it declares, makes the store, and refuses names that the store cannot keep.

    Args:
        address: The URL.
        settings: What the core tells.
        store: Made from them, without I/O.
        looks: In a ttl.

    Attributes:
        store: As it was given.
        beats: What its electors share.
    """

    def __init__(self, address: Address, settings: BackendSettings, store: BeatStore, *, looks: int = 6) -> None:
        super().__init__(address, settings)
        self.store = store
        self.beats = Beats(store, settings, looks=looks, wake=self._wake)
        self._changed = threading.Event()
        self._is_over = False
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        return BeatElector(lock_id, candidate, self, self.beats)

    def _execute(self, lock_id: str, testament: str) -> bool:
        return self.store.release(lock_id, testament)

    def _end(self) -> None:
        with self._thread_lock:
            self._is_over = True
        self.close_electors()
        self._changed.set()
        self.store.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self.settings.request_timeout + PROMPT)

    # ------------------------------------------------------------ looking

    def _wake(self) -> None:
        with self._thread_lock:
            if self._thread is None and not self._is_over:
                thread = threading.Thread(target=self._look, name=f"incumbent-{self._scheme}-look", daemon=True)
                thread.start()  # or not: then the next call tries again
                self._thread = thread
        self._changed.set()

    def _look(self) -> None:
        while not self._is_over:
            try:
                pause = self.beats.look()
            except ElectionError:
                pause = self.beats.interval
            self._changed.wait(pause)  # for ever, while nobody follows an election
            self._changed.clear()
