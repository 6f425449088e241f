"""The backend of `local://`: a directory, one thread that waits for all its elections, and what a fork leaves of it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from incumbent.elector import Backend, BackendSettings, Capabilities, LeaderElector, no, yes
from incumbent.errors import ConfigurationError

from .elector import LocalElector
from .files import Directory
from .watch import AVAILABLE, Watcher

if TYPE_CHECKING:
    from incumbent.address import Address

__all__ = ["LocalBackend"]


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
        info=yes("in the record, on a line of its own"),
        listing=yes("those that anybody has ever led, unless a name is too long for a file's"),
        testament=no("not needed: the kernel ends the claim of a process that dies"),
    )
    harness: ClassVar[str | None] = "incumbent.testing.embedded:LocalHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        if address.hosts or address.username is not None:
            raise ConfigurationError(f"{address}: local:// takes no host and no user: write local:///path/to/directory")
        self.settings = settings
        self.directory = Directory(_state_directory(address.path))
        self.address = replace(address, path=str(self.directory.path))
        self.watcher = Watcher()
        self._pid = os.getpid()

    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """Make an elector for *candidate* in election *lock_id*."""
        return LocalElector(
            lock_id,
            candidate,
            self.capabilities,
            directory=self.directory,
            watcher=self.watcher,
            clock=self.settings.clock,
        )

    def elections(self, limit: int) -> Collection[str]:
        """Return those that have a record."""
        self.directory.check_process()
        return self.directory.elections(limit)

    def erase(self, lock_id: str) -> None:
        """Remove the election's files."""
        self.directory.files(lock_id).remove()

    def close(self) -> None:
        """End the waiting thread."""
        if os.getpid() == self._pid:
            self.watcher.close()


def _state_directory(path: str) -> Path:
    if not path:
        from platformdirs import user_state_path  # noqa: PLC0415 - only the default needs it

        try:
            home = user_state_path("incumbent", appauthor=False)
        except RuntimeError:  # of newer releases, where older ones return a relative path
            home = Path()
        if not home.is_absolute():  # it would be another directory, and another leader, wherever somebody starts
            name = "XDG_STATE_HOME" if os.environ.get("XDG_STATE_HOME", "").strip() else "HOME"
            raise ConfigurationError(
                f"local://: its user has no state directory: set {name} to an absolute path, "
                "or write local:///path/to/directory"
            )
        return home
    directory = Path(path)
    if ".." in directory.parts or directory == directory.parent:
        raise ConfigurationError(
            f"local://{path}: the directory must be an absolute path without '..', and not the root"
        )
    return directory
