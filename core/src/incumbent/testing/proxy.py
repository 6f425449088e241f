"""A TCP relay that misbehaves when told to: it freezes, stalls, vanishes, delays, trickles, cuts and resets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from .traffic import DIRECTIONS, Direction, Traffic

__all__ = ["Direction", "FaultProxy"]

T = TypeVar("T")

#: Seconds that the proxy's own thread may take to do as told.
PROMPT = 10.0


def _ways(direction: Direction | None) -> tuple[Direction, ...]:
    return DIRECTIONS if direction is None else (direction,)


class FaultProxy:
    """
    A relay on a free port of the loopback interface, in front of a server. A context manager. Thread-safe.

    It starts without faults; `heal` ends all of them. A *frozen* direction is what a broken network is to TCP:
    nothing is lost, and what was held back arrives when it is healed.

    Args:
        host: The server's address.
        port: The server's port. It need not listen yet.
        tap: Called with the direction and the bytes that are relayed, on the proxy's thread.

    Attributes:
        host: Where it listens.
        port: The port on which it listens.
    """

    def __init__(self, host: str, port: int, *, tap: Callable[[Direction, bytes], None] | None = None) -> None:
        self._traffic = Traffic((host, port), tap)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="incumbent-fault-proxy", daemon=True)
        self._thread.start()
        self._do(self._traffic.open())
        self.host: str
        self.port: int
        self.host, self.port = self._traffic.listener.getsockname()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def accepted(self) -> int:
        """Connections that were accepted so far, refused ones included."""
        return self._traffic.accepted

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._traffic.connections)

    # ------------------------------------------------------------ faults

    def freeze(self, direction: Direction | None = None) -> None:
        """Hold back what goes in *direction*, or both; connections are still accepted."""
        for way in _ways(direction):
            self._call(self._traffic.gates[way].clear)

    def stall(self) -> None:
        """Hold back what goes through the connections that are open now, in both directions; new ones are served."""
        self._call(self._traffic.stall)

    def vanish(self) -> None:
        """Be a host that is gone: who connects is neither accepted nor refused, and old connections are silent."""
        self.freeze()
        self._do(self._traffic.vanish())

    def hold(self, number: int) -> threading.Event:
        """Hold back the *number*-th piece that goes to the server from now on, and all after it; tell when it came."""
        came = threading.Event()
        self._call(lambda: self._traffic.hold(number, came))
        return came

    def delay(self, seconds: float, direction: Direction | None = None) -> None:
        """Hold everything that goes in *direction*, or each, back for *seconds*."""
        self._traffic.delay.update(dict.fromkeys(_ways(direction), seconds))

    def trickle(self, size: int, direction: Direction | None = None) -> None:
        """Pass on *size* bytes at a time in *direction*, or each; each after the delay."""
        self._traffic.trickle.update(dict.fromkeys(_ways(direction), size))

    def reset(self) -> None:
        """End all connections with a RST; new ones are accepted."""
        self._call(self._traffic.abort_all)

    def cut(self) -> None:
        """End all connections, and new ones at once."""
        self._traffic.refusing = True
        self.reset()

    def heal(self) -> None:
        """End all faults. What was held back goes on."""
        traffic = self._traffic
        traffic.refusing = False
        traffic.delay, traffic.trickle = dict.fromkeys(DIRECTIONS, 0.0), dict.fromkeys(DIRECTIONS)
        self._do(traffic.reappear())

    def close(self) -> None:
        """End all connections and the proxy's thread. Idempotent."""
        if self._loop.is_closed():
            return
        self._do(self._traffic.shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PROMPT)
        self._loop.close()

    # ------------------------------------------------------------ from other threads

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(PROMPT)

    def _call(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        self._do(run())
