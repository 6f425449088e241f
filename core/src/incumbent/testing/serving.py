"""A harness whose store is a server: one that it starts, freezes, kills and stops, or the one of a URL."""

from __future__ import annotations

from types import MappingProxyType
from typing import Protocol

from .harness import Harness

__all__ = ["ServerHarness", "StoreServer"]

#: Why a server that somebody else has started is neither frozen nor killed.
OTHERS = "the server of the given URL is not ours to stop"


class StoreServer(Protocol):
    """What a harness does to a server: `ServerProcess` does all of it but `restart`."""

    def start(self) -> None:
        """Start it, and return when it serves."""

    def stop(self) -> None:
        """End it, frozen or not. Idempotent."""

    def freeze(self) -> None:
        """Make it silent (SIGSTOP)."""

    def thaw(self) -> None:
        """Let it go on."""

    def kill(self) -> None:
        """End it without a farewell (SIGKILL)."""

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at the same port, with its data, or *empty*."""


class ServerHarness(Harness):
    """
    Runs the suite on a server of its own, or on that of *url*, which is neither frozen nor killed.

    A subclass sets `server` in `open`, when it `is_ours`, and starts it; all else that is done to a server is here.

    Args:
        url: The server that the user asked for; None to start one.

    Attributes:
        server: The server that was started here; None if there is none yet, or if it is somebody else's.
        is_ours: Whether the server is to be started here.
    """

    server: StoreServer | None = None

    def __init__(self, url: str | None = None) -> None:
        super().__init__(url)
        self.is_ours = url is None
        if not self.is_ours:
            self.cannot = MappingProxyType({**self.cannot, "freeze": OTHERS, "kill": OTHERS})

    def close(self) -> None:
        """Stop the server, if it is ours."""
        if self.server is not None:
            self.server.stop()

    def freeze(self) -> None:
        """Stop the server with SIGSTOP."""
        self._own().freeze()

    def thaw(self) -> None:
        """Let it go on."""
        self._own().thaw()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._own().kill()

    def restart(self, *, empty: bool = False) -> None:
        """Start it again."""
        self._own().restart(empty=empty)

    def _own(self) -> StoreServer:
        assert self.server is not None, "the server is started by `open`, and only if it is ours"
        return self.server
