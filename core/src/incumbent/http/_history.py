"""What was seen of an election lately: the last terms, kept by a thread that watches."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import closing

from incumbent.address import Address
from incumbent.elector import LeaderRecord
from incumbent.errors import BackendUnavailableError, ElectionError
from incumbent.observer import sights
from incumbent.timeline import Moment

__all__ = ["History"]

#: Changes that are kept.
LONGEST = 200


class History:
    """
    Watches from `start` to `close`. Thread-safe.

    Attributes:
        record: Who leads, as it was seen last; None if nothing was seen yet, or the backend does not answer.
        problem: Why nothing is seen; None if all is well.
    """

    def __init__(self, address: Address | None, name: str) -> None:
        self._address = address
        self._name = name
        self._moments: deque[Moment] = deque(maxlen=LONGEST)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="incumbent-http-watch", daemon=True)
        self.record: LeaderRecord | None = None
        self.problem: str | None = None

    def start(self) -> None:
        """Begin to watch, if it is known where: an elector that was handed in cannot be asked beside its candidate."""
        if self._address is not None:
            self._thread.start()

    def close(self) -> None:
        """End the thread, within a second and a request. Idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def moments(self) -> list[Moment]:
        """Return the last changes, in order."""
        return list(self._moments)

    def _watch(self) -> None:
        assert self._address is not None
        try:
            with closing(sights(self._address, self._name, stop=self._stop)) as seen:
                for each in seen:
                    self._see(each, time.time())
        except ElectionError as error:  # it cannot observe, or is refused for good
            self.problem = str(error)

    def _see(self, seen: LeaderRecord | BackendUnavailableError, at: float) -> None:
        if isinstance(seen, BackendUnavailableError):
            self.record, self.problem = None, str(seen)
            self._moments.append(Moment(at, is_known=False))
        else:
            self.record, self.problem = seen, None
            self._moments.append(Moment(at, seen.candidate, None if seen.candidate is None else seen.token))
