"""A relay between the electors of one test and their store: what breaks there breaks for them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from incumbent import Address

from .journal import Journal
from .proxy import FaultProxy

__all__ = ["Relay", "relayed"]

#: Hosts that are as good by one name as by the other, but not to TLS.
HERE = ("127.0.0.1", "localhost")


def relayed(url: str) -> tuple[FaultProxy, str]:
    """
    Start a relay in front of the store at *url*; return it, and the URL of the store behind it.

    Raises:
        NotImplementedError: The URL does not name one host and its port.
    """
    hosts = Address.parse(url).hosts
    host, port = hosts[0] if len(hosts) == 1 else ("", None)
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if port is None or url.count(shown) != 1:
        raise NotImplementedError("the URL does not name one host and its port")
    proxy = FaultProxy(host, port)
    return proxy, url.replace(shown, f"{host if host in HERE else proxy.host}:{proxy.port}")


class Relay:
    """
    What a test does to the connections that go through a relay.

    Attributes:
        url: Where the store seems to be.
    """

    def __init__(self, proxy: FaultProxy, url: str, journal: Journal) -> None:
        self._proxy = proxy
        self._journal = journal
        self.url = url
        self.is_sound = True

    @property
    def is_used(self) -> bool:
        """Whether anybody has come through."""
        return self._proxy.accepted > 0

    @contextmanager
    def broken(self, how: str, fault: Callable[[FaultProxy], object]) -> Iterator[FaultProxy]:
        """Have a fault for the length of the block; *how* says it to people."""
        self.is_sound = False
        self._journal.note("network", how)
        fault(self._proxy)
        yield self._proxy
        self.heal()

    def heal(self) -> None:
        """End all faults."""
        self._journal.note("network", "works again")
        self._proxy.heal()
        self.is_sound = True

    def close(self) -> None:
        """End the relay, and the connections through it."""
        self._proxy.close()
