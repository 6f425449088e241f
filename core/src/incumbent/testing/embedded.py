"""The harnesses of the embedded electors: `memory://` on a fake clock, `local://` on real files and processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from incumbent import Address, BackendSettings, LeaderRecord
from incumbent.electors.local.backend import LocalBackend
from incumbent.electors.local.files import Files
from incumbent.electors.memory import MemoryBackend, MemoryStore

from .clock import FakeClock
from .harness import Harness
from .scene import ELECTIONS

__all__ = ["LocalHarness", "MemoryHarness"]


class MemoryHarness(Harness):
    """
    A store of this process, on a fake clock: nothing waits for a ttl.

    Args:
        url: Names the store; None for one of its own.
    """

    scheme = "memory"
    # Only requests to a frozen store wait for real: most of what a run takes.
    request_timeout = 0.1
    cannot: Mapping[str, str] = MappingProxyType(
        {
            "tool": "nobody outside the process sees the store",
            "rejected_url": "there is no URL that it accepts at first and refuses later",
            "outsider": "nobody outside the process sees the store",
            "relay": "nothing goes over a network",
        }
    )

    def __init__(self, url: str | None = None) -> None:
        super().__init__("memory://conformance" if url is None else url)
        self._clock = FakeClock()

    def open(self) -> None:
        """Keep the store alive: it ends with the last one who uses it."""
        settings = BackendSettings(self.ttl, self.request_timeout, self.clock)
        self._store: MemoryStore = MemoryBackend(Address.parse(self.url), settings).store

    def clock(self) -> float:
        """Return seconds on the fake clock."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Move the fake clock."""
        self._clock.advance(seconds)

    def expire(self, lock_id: str) -> None:
        """End the claim as if its ttl had passed."""
        self._store.expire(lock_id)

    def delete(self, lock_id: str) -> None:
        """Remove the claim."""
        self._store.delete(lock_id)

    def leader(self, lock_id: str) -> LeaderRecord:
        """Ask the store."""
        return self._store.holder(lock_id)

    def claims(self, lock_id: str) -> int:
        """Count the claim and the candidates that are registered."""
        return self._store.claims(lock_id) + len(self._store.holder(lock_id).candidates or ())

    def freeze(self) -> None:
        """Let every request wait in vain."""
        self._store.freeze()

    def thaw(self) -> None:
        """Let requests pass again."""
        self._store.thaw()

    def kill(self) -> None:
        """Refuse every request."""
        self._store.stop()

    def restart(self, *, empty: bool = False) -> None:
        """Accept requests again."""
        self._store.start(empty=empty)


class LocalHarness(Harness):
    """
    A directory of lock files; candidates in other processes are real.

    Args:
        url: Names the directory; None for a temporary one of its own.
    """

    scheme = "local"
    # A claim ends with its process, so time plays a part only where a test shows that it plays none.
    ttl = 0.5
    cannot: Mapping[str, str] = MappingProxyType(
        {
            "expire": "a claim ends with its process, not with time",
            "freeze": "there is no server that could fall silent: the kernel keeps the locks",
            "kill": "there is no server that could die: the kernel keeps the locks",
            "tool": "no other tool knows the files",
            "relay": "nothing goes over a network",
        }
    )

    def open(self) -> None:
        """Make the temporary directory."""
        self._own = Path(tempfile.mkdtemp(prefix="incumbent-local-"))
        if not hasattr(self, "url"):
            self.url = f"local://{self._own}/state"
        self._before = self._files_of_the_suite()

    def close(self) -> None:
        """Remove the temporary directory, and the files of the suite's elections from one that was given."""
        for path in self._files_of_the_suite() - self._before:
            path.unlink(missing_ok=True)
        shutil.rmtree(self._own)

    def delete(self, lock_id: str) -> None:
        """Remove the lock file, which is the claim, and the FIFO. The record stays: it carries the token."""
        files = self._files(lock_id)
        for path in (files.lock, files.wake):
            path.unlink(missing_ok=True)

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read the record, if somebody has the lock file locked."""
        record = self._files(lock_id).read() if self.claims(lock_id) else None
        if record is None or record.candidate is None:
            return LeaderRecord(lock_id, None, None)
        return LeaderRecord(lock_id, record.candidate, record.token, record.since)

    def claims(self, lock_id: str) -> int:
        """Return 1 if somebody has the lock file locked, else 0: who waits leaves nothing in the files."""
        with suppress(FileNotFoundError):
            lock = os.open(self._files(lock_id).lock, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return 1
            finally:
                os.close(lock)
        return 0

    def rejected_url(self) -> str:
        """Name a regular file where a directory should be."""
        path = self._own / "a-file"
        path.touch()
        return f"local://{path}"

    def _files_of_the_suite(self) -> set[Path]:
        prefix = self._files(ELECTIONS).lock.stem
        return set(self._files(ELECTIONS).lock.parent.glob(f"{prefix}*"))

    def _files(self, lock_id: str) -> Files:
        settings = BackendSettings(self.ttl, self.request_timeout)
        return LocalBackend(Address.parse(self.url), settings).directory.files(lock_id)
