"""A backend of the contract, with what every one whose store is behind a socket has to do alike."""

from __future__ import annotations

import threading
import weakref
from abc import abstractmethod
from collections.abc import Collection
from typing import ClassVar

from incumbent.address import Address
from incumbent.elector import Backend, BackendSettings, LeaderElector
from incumbent.errors import BackendUnavailableError, ConfigurationError

from .deadlines import within
from .process import ProcessBound

__all__ = ["BackendBase"]


class BackendBase(Backend, ProcessBound):
    """
    A backend that says only which electors it makes, and how what they share begins and ends.

    It refuses a ttl that is not in its range, shows no secret, starts when the first call needs it, and touches
    nothing in a forked child (P8, P9). Thread-safe.

    Attributes:
        settings: What the core has told it.
        ttl_advice: What is said to who asks for a ttl that is not in the range, besides the range.
    """

    ttl_advice: ClassVar[str] = ""

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        ProcessBound.__init__(self)
        self._shown = str(address)
        self._scheme = address.scheme
        self.settings = settings
        shortest, longest = self.capabilities.ttl_range
        if not shortest <= settings.ttl <= longest:
            raise ConfigurationError(
                f"ttl {settings.ttl:g} s: {self._scheme} grants {shortest:g} to {longest:g} s{self.ttl_advice}"
            )
        self._starting = threading.Lock()
        self._is_started = False
        self._members_lock = threading.Lock()
        self._members: weakref.WeakSet[LeaderElector] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._shown}>"

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector for *candidate* in election *lock_id*."""
        elector = self._elector(lock_id, candidate)
        if not self.is_foreign:  # there, the lock may be held for ever
            with self._members_lock:
                self._members.add(elector)
        return elector

    def start(self) -> None:
        """
        Begin what all electors share, unless that has been done: `ElectorBase` asks for it before each call.

        Raises:
            InvalidStateError: This is a forked child.
            ElectionError: It could not begin. The next call tries again.
        """
        self.check_process()
        if self._is_started:
            return
        if not self._starting.acquire(timeout=self.settings.request_timeout):
            raise BackendUnavailableError(f"{self._scheme}: what all electors share has not begun in time")
        try:
            if not self._is_started:
                self._begin()
                self._is_started = True
        except RuntimeError as error:  # there is no thread to be had
            raise BackendUnavailableError(f"{self._scheme}: {error}") from error
        finally:
            self._starting.release()

    def elections(self, limit: int) -> Collection[str]:
        """List elections, within the request timeout, if the backend declares *listing*."""
        if not self.capabilities.listing:
            return super().elections(limit)
        self.start()
        with within(self.settings.request_timeout):
            return self._elections(limit)

    def execute(self, lock_id: str, testament: str) -> bool:
        """End a term, within the request timeout, if the backend declares *testament*."""
        if not self.capabilities.testament:
            return super().execute(lock_id, testament)
        self.start()
        with within(self.settings.request_timeout):
            return self._execute(lock_id, testament)

    def electors(self) -> list[LeaderElector]:
        """Return the electors that are in use: those to be told of news."""
        with self._members_lock:
            return list(self._members)

    def close_electors(self) -> None:
        """Close those that nobody has closed, for `_end`: what they hold is given up while there is time."""
        for elector in self.electors():
            elector.close()

    def close(self) -> None:
        """End what all electors share, within the request timeout. In a forked child, nothing is touched."""
        if not self.is_foreign:
            with within(self.settings.request_timeout):
                self._end()

    # ------------------------------------------------------------ for the subclass

    @abstractmethod
    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector, or raise `ConfigurationError` for a name that the store cannot keep. No I/O."""

    def _begin(self) -> None:
        """Begin what is shared: import the client library, start a thread. One thread at a time; until it succeeds."""

    def _elections(self, limit: int) -> Collection[str]:
        """Return names of elections, *limit* at most, if the backend declares *listing*."""
        raise NotImplementedError

    def _execute(self, lock_id: str, testament: str) -> bool:
        """End the term that has left *testament*, if the backend declares that; tell whether it was there."""
        raise NotImplementedError

    @abstractmethod
    def _end(self) -> None:
        """End it: connections, threads. May come twice, and before `_begin`; never raises."""
