"""The backend and the elector of `local://`.

Who has `NAME.lock` locked (flock) leads; the kernel lets go of the lock when the process dies, so a
killed leader is succeeded at once. Waiters are woken through `NAME.wake`, a FIFO: the end of its last
writer is an event for every reader. The leader has it open twice, once below and once above the lock
file's descriptor. A dying process closes its descriptors one after the other, from either end, so the
last writer is gone only after the lock is, and who is woken finds it free.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import time
import weakref
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from incumbent.elector import Backend, BackendSettings, Capabilities, Claim, LeaderElector, LeaderRecord, no, yes
from incumbent.errors import BackendUnavailableError, ConfigurationError, ElectionError, InvalidStateError

from .files import Directory, Files, Record, mapped_errors
from .forks import no_fork
from .mounts import network_file_system
from .watch import AVAILABLE, Watcher

if TYPE_CHECKING:
    from incumbent.address import Address

__all__ = ["LocalBackend", "LocalElector"]

_log = logging.getLogger("incumbent.electors.local")

_backends: weakref.WeakSet[LocalBackend] = weakref.WeakSet()
_warned: set[Path] = set()


class LocalBackend(Backend):
    """The state directory of a URL, and the one thread that waits for all its elections."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("woken by the kernel") if AVAILABLE else no("this system has no epoll"),
        observe=yes(),
        candidates=no("a waiting candidate leaves nothing behind that others could read"),
        fencing_across_restarts=yes("the token is on disk"),
        expiry=no("a claim ends with its process, not with time"),
        interoperates=no("the files are its own"),
    )
    harness: ClassVar[str | None] = "incumbent.testing.embedded:LocalHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        if address.hosts or address.username is not None:
            raise ConfigurationError(f"{address}: local:// takes no host and no user: write local:///path/to/directory")
        self.settings = settings
        self.directory = Directory(_state_directory(address.path))
        self.watcher = Watcher()
        self.electors: weakref.WeakSet[LocalElector] = weakref.WeakSet()
        self._pid = os.getpid()
        _backends.add(self)

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector for *candidate* in election *lock_id*."""
        elector = LocalElector(self, lock_id, candidate)
        self.electors.add(elector)
        return elector

    def close(self) -> None:
        """End the waiting thread."""
        if os.getpid() == self._pid:
            self.watcher.close()

    def check_process(self) -> None:
        """Refuse to work in a forked child, which must not keep its parent's claims (P9)."""
        if os.getpid() != self._pid:
            raise InvalidStateError("this process was forked from the candidate's: open a backend of its own here")

    def warn_of_network(self) -> None:
        """Log, once for a directory, that its file locks may not reach other hosts."""
        path = self.directory.path
        if path not in _warned:
            _warned.add(path)
            kind = network_file_system(path)
            if kind is not None:
                _log.warning(
                    "%s is on a network file system (%s): local:// is for the processes of one host; elsewhere another "
                    "leader may be elected", path, kind,
                )  # fmt: skip


class LocalElector(LeaderElector):
    """One candidate on kernel file locks."""

    def __init__(self, backend: LocalBackend, lock_id: str, candidate: str) -> None:
        super().__init__(lock_id, candidate, backend.capabilities)
        self._backend = backend
        self._files: Files = backend.directory.files(lock_id)
        self._token = 0
        self._open: list[int] = []
        self._watches: list[int] = []
        self._reader: int | None = None
        self._observing = False

    # ------------------------------------------------------------ the verbs

    def acquire_leadership(self) -> Claim | None:
        """Lock the file if nobody has; never waits."""
        self._backend.check_process()
        sent = self._backend.settings.clock()
        if self._open:
            return self._claim(sent)
        self._wait_for_changes()  # before the attempt, or a change right after it would go unnoticed
        try:
            lock = self._lock()
            if lock is None:
                self._release()
                return None
            self._token = self._files.last_token(lock) + 1
            self._files.announce(lock, Record(self._token, self.candidate, time.time()))
            self._signal()
        except BaseException:
            self._release()
            raise
        self._stop_waiting()
        return self._claim(sent)

    def check_leadership(self) -> Claim | None:
        """Verify that the locked file is still the one that others would lock, and the FIFO the one they wait on."""
        self._require_claim()
        sent = self._backend.settings.clock()
        wake, lock = self._open[:2]
        if self._files.is_current(lock) and self._files.is_current_wake(wake):
            return self._claim(sent)
        self._release()
        return None

    def relinquish_leadership(self) -> bool:
        """Say that nobody leads, and let the lock go, which wakes the others."""
        self._require_claim()
        held = self._files.is_current(self._open[1])
        if held:
            with contextlib.suppress(ElectionError):  # for display only: a full disk keeps nobody in office
                self._files.clear(self._token)
        self._release()
        return held

    def observe_leadership(self) -> LeaderRecord:
        """Read the record, and whether a leader is there; the lock is not touched."""
        self._backend.check_process()
        self._observing = True
        reader = None if self._open else self._wait_for_changes()
        record = self._files.read()
        if record is None or record.candidate is None or (reader is not None and _has_hung_up(reader)):
            return LeaderRecord(self.lock_id, None, None)
        return LeaderRecord(self.lock_id, record.candidate, record.token, record.since)

    def close(self) -> None:
        """Let go of everything."""
        if self._open:
            with contextlib.suppress(ElectionError):
                self.relinquish_leadership()
        self._release()
        self._stop_waiting()

    def forget(self) -> None:
        """Close what a forked child inherited: the parent's claim must end with the parent (P9)."""
        self._watches = []  # they are the parent's: ended here, they would end there
        self._release()
        if self._reader is not None:
            os.close(self._reader)
            self._reader = None

    # ------------------------------------------------------------ the claim

    def _claim(self, sent: float) -> Claim:
        return Claim(self._token, inf, sent, tuple(self._open))

    def _require_claim(self) -> None:
        self._backend.check_process()
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
        self._backend.warn_of_network()
        return lock

    def _release(self) -> None:
        """Close the descriptors. No explicit unlock: a process that inherited them keeps the claim on purpose."""
        if self._watches:
            self._backend.watcher.remove_files(self._watches)
            self._watches = []
        with no_fork():
            while self._open:
                os.close(self._open.pop(0))

    # ------------------------------------------------------------ waking

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
        return self._backend.watcher.add_files((self._files.lock, self._files.wake), self._changed)

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
            self._backend.watcher.add(self._reader, self._changed, data=self._observing)
        return self._reader

    def _stop_waiting(self) -> None:
        if self._reader is not None:
            self._backend.watcher.remove(self._reader)
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


def _has_hung_up(reader: int) -> bool:
    poll = select.poll()
    poll.register(reader, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _state_directory(path: str) -> Path:
    if not path:
        from platformdirs import user_state_path  # noqa: PLC0415 - only the default needs it

        return user_state_path("incumbent", appauthor=False)
    directory = Path(path)
    if ".." in directory.parts or directory == directory.parent:
        raise ConfigurationError(
            f"local://{path}: the directory must be an absolute path without '..', and not the root"
        )
    return directory


def _after_fork_in_child() -> None:
    for backend in list(_backends):
        for elector in list(backend.electors):
            elector.forget()
        backend.watcher.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
