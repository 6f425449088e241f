"""One candidate on kernel file locks.

Who has `NAME.lock` locked (flock) leads; the kernel lets go of the lock when the process dies, so a
killed leader is succeeded at once. Waiters are woken through `NAME.wake`, a FIFO: the end of its last
writer is an event for every reader. The leader has it open twice, once below and once above the lock
file's descriptor. A dying process closes its descriptors one after the other, from either end, so the
last writer is gone only after the lock is, and who is woken finds it free.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import select
import threading
import time
import weakref
from collections.abc import Callable
from math import inf
from typing import TypeVar

from incumbent.elector import Capabilities, Claim, LeaderElector, LeaderRecord
from incumbent.errors import BackendUnavailableError, ElectionError, InvalidStateError

from .files import Directory, Files
from .forks import no_fork
from .mapping import mapped_errors
from .record import Record
from .watch import AVAILABLE, Watcher

__all__ = ["LocalElector"]

_electors: weakref.WeakSet[LocalElector] = weakref.WeakSet()

T = TypeVar("T")


def _alone(method: Callable[[LocalElector], T]) -> Callable[[LocalElector], T]:
    """
    Have *method* wait for the other calls of its elector: `close` may come over any, and from several threads.

    The directory is checked once for each.
    """

    @functools.wraps(method)
    def call(self: LocalElector) -> T:
        with self._turn:
            self._files.check_again()
            return method(self)

    return call


class LocalElector(LeaderElector):
    """One candidate on kernel file locks."""

    def __init__(
        self,
        lock_id: str,
        candidate: str,
        capabilities: Capabilities,
        *,
        directory: Directory,
        watcher: Watcher,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(lock_id, candidate, capabilities)
        self._directory = directory
        self._watcher = watcher
        self._clock = clock
        self._turn = threading.RLock()
        self._files: Files = directory.files(lock_id)
        self._token = 0
        self._open: list[int] = []
        self._watches: list[int] = []
        self._reader: int | None = None
        self._observing = False
        #: What `notify` is as long as there is nobody to be told.
        self._untold = self.notify
        _electors.add(self)

    # ------------------------------------------------------------ the verbs

    @_alone
    def acquire_leadership(self) -> Claim | None:
        """Lock the file if nobody has; never waits."""
        self._directory.check_process()
        if self._open:
            claim = self.check_leadership()
            if claim is not None:
                return claim
        sent = self._clock()
        self._wait_for_changes()  # before the attempt, or a change right after it would go unnoticed
        try:
            lock = self._lock()
            if lock is None:
                self._release()
                return None
            self._token = self._files.last_token(lock) + 1
            self._files.announce(lock, Record(self._token, self.candidate, time.time(), self.info))
            self._signal()
        except BaseException:
            self._release()
            raise
        self._stop_waiting()
        return self._claim(sent)

    @_alone
    def check_leadership(self) -> Claim | None:
        """Verify that the locked file is still the one that others would lock, and the FIFO the one they wait on."""
        self._require_claim()
        sent = self._clock()
        if self._is_current():
            return self._claim(sent)
        self._release()
        return None

    @_alone
    def relinquish_leadership(self) -> bool:
        """Say that nobody leads, and let the lock go, which wakes the others."""
        self._require_claim()
        held = self._files.is_current(self._open[1])
        if held:
            with contextlib.suppress(ElectionError):  # for display only: a full disk keeps nobody in office
                self._files.clear(self._token)
        self._release()
        return held

    @_alone
    def observe_leadership(self) -> LeaderRecord:
        """Read the record, and whether a leader is there; the lock is not touched."""
        self._directory.check_process()
        self._observing = True
        is_led = self._is_led()
        record = self._files.read()
        if record is None or record.candidate is None or not is_led:
            return LeaderRecord(self.lock_id, None, None)
        return LeaderRecord(self.lock_id, record.candidate, record.token, record.since, info=record.info)

    @_alone
    def close(self) -> None:
        """Let go of everything."""
        if self._open:
            with contextlib.suppress(ElectionError):
                self.relinquish_leadership()
        self._release()
        self._stop_waiting()

    def forget(self) -> None:
        """Close what a forked child inherited: the parent's claim must end with the parent (P9)."""
        self._turn = threading.RLock()  # another thread may have had the parent's
        self._watches = []  # they are the parent's: ended here, they would end there
        self._release()
        if self._reader is not None:
            os.close(self._reader)
            self._reader = None

    # ------------------------------------------------------------ the claim

    def _claim(self, sent: float) -> Claim:
        return Claim(self._token, inf, sent, tuple(self._open))

    def _is_current(self) -> bool:
        """Tell whether the claim is one to the others: its files are still those that they would open."""
        wake, lock = self._open[:2]
        return self._files.is_current(lock) and self._files.is_current_wake(wake)

    def _require_claim(self) -> None:
        self._directory.check_process()
        if not self._open:
            raise InvalidStateError

    def _lock(self) -> int | None:
        """Open wake, lock, wake, in this order of descriptors, and lock. None if another has it locked."""
        with no_fork(), mapped_errors(self._files.lock):
            self._open.append(self._files.open_wake(for_writing=True))
            self._open.append(lock := _above(self._open[0], self._files.open_lock()))
            self._open.append(_above(lock, self._files.open_wake(for_writing=True)))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
        with mapped_errors(self._files.lock):
            # Before the look at the file, or a deletion right after it would go unnoticed.
            self._watches = self._watch_files()
        if not self._files.is_current(lock):
            raise BackendUnavailableError(f"{self._files.lock}: was replaced during the attempt")
        self._directory.warn_of_network()
        return lock

    def _release(self) -> None:
        """Close the descriptors. No explicit unlock: a process that inherited them keeps the claim on purpose."""
        if self._watches:
            self._watcher.remove_files(self._watches)
            self._watches = []
        with no_fork():
            while self._open:
                os.close(self._open.pop(0))

    # ------------------------------------------------------------ waking

    def _is_led(self) -> bool:
        """Tell whether the FIFO has a writer, which is the leader. Who only looks, with nobody to tell, makes none."""
        if not AVAILABLE or (self._open and self._is_current()):
            return True  # or all that is known is the record
        if self.notify is not self._untold:
            return not _has_hung_up(self._wait_for_changes())
        with no_fork(), mapped_errors(self._files.wake):
            reader = self._files.find_wake(for_writing=False)
            if reader is None:
                return False
            try:
                writer = self._files.find_wake(for_writing=True)
                if writer is not None:
                    os.close(writer)  # as in `_wait_for_changes`
                return not _has_hung_up(reader)
            finally:
                os.close(reader)

    def _signal(self) -> None:
        """Tell those who observe that another leads: one byte, left there so that every reader sees it come."""
        wake = self._open[0]
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 4096)
        with contextlib.suppress(BlockingIOError):
            os.write(wake, b"!")

    def _watch_files(self) -> list[int]:
        if not AVAILABLE:  # pragma: no cover - not Linux
            return []
        return self._watcher.add_files((self._files.lock, self._files.wake), self._changed)

    def _wait_for_changes(self) -> int | None:
        if not AVAILABLE:  # pragma: no cover - not Linux
            return None
        if self._reader is not None and not self._files.is_current_wake(self._reader):
            self._stop_waiting()  # nobody signals there any more
        with no_fork(), mapped_errors(self._files.wake):
            if self._reader is None:
                self._reader = self._files.open_wake(for_writing=False)
                # A FIFO says that its writers are gone only to a reader who has seen one: so show it one.
                os.close(self._files.open_wake(for_writing=True))
            self._watcher.add(self._reader, self._changed, data=self._observing)
        return self._reader

    def _stop_waiting(self) -> None:
        if self._reader is not None:
            self._watcher.remove(self._reader)
            os.close(self._reader)
            self._reader = None

    def _changed(self) -> None:
        self.notify()


def _above(floor: int, descriptor: int) -> int:
    """Return *descriptor*, moved above *floor*."""
    if descriptor > floor:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, floor + 1)
    finally:
        os.close(descriptor)


def _has_hung_up(reader: int | None) -> bool:
    if reader is None:
        return True
    poll = select.poll()
    poll.register(reader, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _after_fork_in_child() -> None:
    for elector in list(_electors):
        elector.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
