"""One lease or session renewed for all electors of a backend: who asks at the same time shares the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

from incumbent.errors import BackendUnavailableError, ElectionError

from .deadlines import deadline

__all__ = ["KeepAlive", "Renewal"]

T = TypeVar("T")

#: A renewal that failed is repeated after this share of the interval.
RETRY = 0.25


@dataclass(frozen=True, slots=True)
class Renewal(Generic[T]):
    """
    What one renewal brought.

    Attributes:
        sent: The clock, read before the renewing request was sent: what `Claim.sent` must say (P2).
        answer: What the renewal returned.
    """

    sent: float
    answer: T


class KeepAlive(Generic[T]):
    """
    Renews when an elector asks, at most one renewal at a time, and by itself while nobody asks. Thread-safe.

    A thousand elections of one process then cost the server as many requests as one.

    Args:
        renew: One bounded attempt. What it returns is shared by all who asked; what it raises is too.
        clock: `BackendSettings.clock`.
        interval: Seconds between two renewals that nobody asked for; a third of the ttl leaves two tries.
        share: Seconds after its beginning during which a renewal also serves those who come later.
        name: The name of the thread that `start` starts.

    Attributes:
        last: The last renewal that was answered; None before the first. To be read only.
    """

    def __init__(
        self, renew: Callable[[], T], clock: Callable[[], float], *, interval: float, share: float, name: str
    ) -> None:
        self._renew = renew
        self._clock = clock
        self._interval = interval
        self._share = share
        self._name = name
        self._changed = threading.Condition()
        self._began: float | None = None  # of the renewal that is out now
        self.last: Renewal[T] | None = None
        self._failure: Exception | None = None
        self._stop: threading.Event | None = None
        self._threads: set[threading.Thread] = set()

    def renewal(self, after: float = -inf) -> Renewal[T]:
        """
        Return a renewal that began later than *after*, made now unless one can be shared.

        An elector passes the moment of what it knows already, so that it is never told the same twice.

        Raises:
            ElectionError: What *renew* raised, for the caller or for who asked first; or the block of `within` that the
                caller is in has ended.
        """
        with self._changed:
            while self._began is not None:
                shared = self._began > after
                until = deadline(inf)
                left = None if until == inf else max(0.0, until - time.monotonic())
                if not self._changed.wait_for(lambda began=self._began: self._began != began, left):  # type: ignore[misc]
                    raise BackendUnavailableError("the renewal that is out has not been answered in time")
                if shared and self._failure is not None:
                    raise type(self._failure)(str(self._failure)) from self._failure
                if shared and self.last is not None:
                    return self.last
            now = self._clock()
            if self.last is not None and self.last.sent > after and now - self.last.sent <= self._share:
                return self.last
            self._began = now
        return self._make(now)

    def _make(self, sent: float) -> Renewal[T]:
        made: Renewal[T] | None = None
        failure: Exception | None = None
        try:
            made = Renewal(sent, self._renew())
        except Exception as error:
            failure = error
            raise
        finally:
            with self._changed:
                self._began, self._failure = None, failure
                self.last = made or self.last
                self._changed.notify_all()
        return made

    # ------------------------------------------------------------ while nobody asks

    def start(self, look: Callable[[Renewal[T] | None], None]) -> None:
        """
        Renew every *interval* from now on, on a thread of its own, unless somebody has asked meanwhile.

        Args:
            look: Called each time with the last renewal, or with None when it failed; on that thread, and
                must not raise. Calling `stop` from it is allowed.
        """
        with self._changed:
            if self._stop is None:
                stop = threading.Event()
                thread = threading.Thread(target=self._loop, args=(stop, look), name=self._name, daemon=True)
                thread.start()  # or not: then the next call tries again
                self._stop = stop
                self._threads.add(thread)

    def stop(self) -> None:
        """End the thread, without waiting for a renewal that is out: see `join`. Idempotent; `start` may follow."""
        with self._changed:
            stop, self._stop = self._stop, None
        if stop is not None:
            stop.set()

    def join(self, timeout: float) -> None:
        """Wait *timeout* seconds at most for the thread to end, after `stop` (P8); from that thread, not at all."""
        with self._changed:
            threads = self._threads - {threading.current_thread()}
        for thread in threads:
            thread.join(timeout)

    def _loop(self, stop: threading.Event, look: Callable[[Renewal[T] | None], None]) -> None:
        pause = self._interval
        while not stop.wait(pause):
            last = self.last
            age = inf if last is None else self._clock() - last.sent
            pause = self._interval
            if age < self._interval:
                pause -= age  # somebody asked meanwhile
            else:
                try:
                    last = self.renewal(self._clock() - self._share)
                except ElectionError:
                    last, pause = None, RETRY * self._interval
            if not stop.is_set():
                look(last)
        with self._changed:
            self._threads.discard(threading.current_thread())
