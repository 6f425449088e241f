"""The backends in use: the elections of a process that are held at the same place share one connection to it."""

from __future__ import annotations

import threading

from incumbent.address import Address
from incumbent.elector import Backend, BackendSettings

__all__ = ["Backends"]


class Backends:
    """Those of one runner. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may close one election in the middle of starting another
        self._known: dict[tuple[Address, BackendSettings], tuple[Backend, int]] = {}

    def share(self, address: Address, settings: BackendSettings, backend: Backend) -> Backend:
        """Return the backend that is in use for this URL and settings; *backend* becomes it if none is."""
        with self._lock:
            known, users = self._known.get((address, settings), (backend, 0))
            self._known[address, settings] = known, users + 1
            return known

    def is_used(self, backend: Backend) -> bool:
        """Tell whether an election uses it."""
        with self._lock:
            return any(known is backend for known, _ in self._known.values())

    def leave(self, backend: Backend | None) -> None:
        """Use it once less, and close it if nobody does any more. Raises what that raises."""
        with self._lock:
            key = next((key for key, (known, _) in self._known.items() if known is backend), None)
            if key is None:
                return
            known, users = self._known.pop(key)
            if users > 1:
                self._known[key] = known, users - 1
                return
        known.close()
