"""A term: one unbroken leadership, as the application holds it in its hand."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from math import inf

from .clock import Clock
from .errors import LeadershipLostError
from .state import Reason

__all__ = ["Term"]

_log = logging.getLogger("incumbent")

#: Who waits looks by itself as often, seconds: a suspension, and what a signal handler does while this thread is
#: about to sleep, wake nobody.
LONGEST_WAIT = 1.0


class Term:
    """
    One unbroken leadership. Thread-safe; made by the library only.

    A term never becomes valid again. `is_valid` and `check` compare the clock with the deadline at
    each call, so they turn false on time even if every thread of the library is stuck (P2).

    Attributes:
        lock_id: Name of the election.
        candidate: Id of the candidate that leads.
        token: The fencing token: grows from term to term of the election. Send it along with every write.
        acquired_at: When the term began, seconds since the Unix epoch. For display only.
        descriptors: Open file descriptors whose being open keeps the claim: whatever inherits them is waited for.
        testament: What `Backend.execute` ends this term with, in another process, once all that acts for it is dead. A
            renewal may bring another one. Empty if the backend leaves none.
    """

    def __init__(
        self,
        *,
        lock_id: str,
        candidate: str,
        token: int,
        deadline: float,
        clock: Clock,
        descriptors: tuple[int, ...] = (),
        testament: str = "",
    ) -> None:
        self.lock_id = lock_id
        self.candidate = candidate
        self.token = token
        self.acquired_at = clock.wall()
        self.descriptors = descriptors
        self.testament = testament
        self._clock = clock
        self._deadline = deadline
        self._reason: Reason | None = None
        self._over = False
        self._ended = threading.Condition()  # its lock is reentrant: a signal handler may end the term
        self._watchers: list[Callable[[], None]] = []
        self._pid = os.getpid()

    def __repr__(self) -> str:
        state = f"valid for {self.remaining():.3g} s" if self.is_valid() else "over"
        return f"<Term {self.token} of {self.lock_id!r}, {self.candidate!r}, {state}>"

    @property
    def deadline(self) -> float:
        """The end of the term unless it is renewed: seconds on `incumbent.boottime()`, or `inf`."""
        return self._deadline

    @property
    def reason(self) -> Reason | None:
        """Why the term ended; None while it lasts, and when only its deadline has passed so far."""
        return self._reason

    def remaining(self) -> float:
        """Return the seconds for which the term is sure to stay valid without a renewal; 0.0 when it is over."""
        if self._over or os.getpid() != self._pid:
            return 0.0
        left = self._deadline - self._clock.now()
        if left > 0.0:
            return left
        with self._ended:
            left = self._deadline - self._clock.now()  # it may have been renewed just now
            self._over = self._over or left <= 0.0  # who was told so once is never told otherwise
        return 0.0 if self._over else left

    def is_valid(self) -> bool:
        """Return False as soon as the leadership must be doubted. Costs about a microsecond."""
        return self.remaining() > 0.0

    def check(self) -> None:
        """
        Return if the term is valid.

        Raises:
            LeadershipLostError: It is over; says why.
        """
        if self.is_valid():
            return
        if os.getpid() != self._pid:
            why = "this is a forked child, which leads nothing"
        elif self._reason is not None:
            why = self._reason.value
        else:
            why = "its deadline has passed"
        raise LeadershipLostError(f"term {self.token} of {self.lock_id!r} is over: {why}")

    def wait(self, timeout: float | None = None) -> bool:
        """
        Block until the term is over.

        Args:
            timeout: Seconds to wait at most; None waits for as long as the term lasts.

        Returns:
            True if it is over, False if *timeout* passed first.
        """
        left = inf if timeout is None else timeout
        began = self._clock.now()
        while self.is_valid():
            pause = min(self.remaining(), left - (self._clock.now() - began))
            if pause <= 0.0:
                break
            with self._ended:
                if not self._over:
                    self._ended.wait(min(pause, LONGEST_WAIT))
        return not self.is_valid()

    def call_at_end(self, watcher: Callable[[], None]) -> None:
        """
        Call *watcher* once, when the term is over; at once if it is already.

        It runs on the thread that renews terms, so it must not block and must not raise: set an event
        or hand over to another thread, nothing more. For real work use the `on_deposed` callback.
        """
        with self._ended:
            self._watchers.append(watcher)
            if not self._over:
                return
        self._call_watchers()

    def _extend(self, deadline: float) -> bool:
        """Put the deadline off; False if the term is over, and stays so."""
        with self._ended:
            if not self._over:
                self._deadline = deadline
            return not self._over

    def _end(self, reason: Reason) -> None:
        with self._ended:
            self._reason = self._reason or reason
            self._over = True
            self._ended.notify_all()
        self._call_watchers()

    def _call_watchers(self) -> None:
        with self._ended:
            watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            try:
                watcher()
            except Exception:
                _log.exception("a watcher of the end of %r raised", self)
