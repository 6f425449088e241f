"""A TCP relay that misbehaves when it is told to: it freezes, delays, trickles, cuts and resets connections."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, TypeVar

__all__ = ["Direction", "FaultProxy"]

T = TypeVar("T")

#: Which way bytes go through the proxy.
Direction = Literal["to server", "to client"]
DIRECTIONS: tuple[Direction, ...] = ("to server", "to client")
#: Bytes that are relayed at once.
CHUNK = 65536
#: Seconds that the proxy's own thread may take to do as told.
PROMPT = 10.0


class _Connection:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        #: To the client, and to the server as soon as that is reached.
        self.ends = [client]

    def abort(self) -> None:
        """End it with a RST."""
        for end in self.ends:
            sock = end.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()


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
        accepted: Connections that were accepted so far, refused ones included.
    """

    def __init__(self, host: str, port: int, *, tap: Callable[[Direction, bytes], None] | None = None) -> None:
        self._server = host, port
        self._tap = tap
        self._delay = 0.0
        self._trickle: int | None = None
        self._refusing = False
        self._connections: dict[_Connection, asyncio.Task[None]] = {}
        self.accepted = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="incumbent-fault-proxy", daemon=True)
        self._thread.start()
        self._listener = self._do(self._open())
        self.host: str
        self.port: int
        self.host, self.port = self._listener.sockets[0].getsockname()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._connections)

    # ------------------------------------------------------------ faults

    def freeze(self, direction: Direction | None = None) -> None:
        """Hold back what goes in *direction*, or both; connections are still accepted."""
        for way in DIRECTIONS if direction is None else (direction,):
            self._call(self._gates[way].clear)

    def delay(self, seconds: float) -> None:
        """Hold everything back for *seconds* in each direction."""
        self._delay = seconds

    def trickle(self, size: int) -> None:
        """Pass on *size* bytes at a time, each after the delay."""
        self._trickle = size

    def reset(self) -> None:
        """End all connections with a RST; new ones are accepted."""
        self._call(self._abort_all)

    def cut(self) -> None:
        """End all connections, and new ones at once."""
        self._refusing = True
        self.reset()

    def heal(self) -> None:
        """End all faults. What was held back goes on."""
        self._delay, self._trickle, self._refusing = 0.0, None, False
        for gate in self._gates.values():
            self._call(gate.set)

    def close(self) -> None:
        """End all connections and the proxy's thread. Idempotent."""
        if self._loop.is_closed():
            return
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PROMPT)
        self._loop.close()

    # ------------------------------------------------------------ on the proxy's thread

    async def _open(self) -> asyncio.Server:
        self._gates = {way: asyncio.Event() for way in DIRECTIONS}
        for gate in self._gates.values():
            gate.set()
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _shut(self) -> None:
        self._listener.close()
        await asyncio.sleep(0)  # what has just been accepted is nobody's to close before it has begun
        self._abort_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._connections.clear()  # of those that were cancelled before they began

    def _abort_all(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    # Not a coroutine: asyncio reports one that is cancelled, as all are when the proxy is closed, as a fault of ours.
    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(writer)
        if self._refusing:
            connection.abort()
        else:
            self._connections[connection] = self._loop.create_task(self._serve(connection, reader))

    async def _serve(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        (client,) = connection.ends
        try:
            server_reader, server = await asyncio.open_connection(*self._server)
            connection.ends.append(server)
            await asyncio.gather(
                self._relay("to server", reader, server), self._relay("to client", server_reader, client)
            )
        except OSError:
            connection.abort()
        finally:
            del self._connections[connection]
            for end in connection.ends:
                end.close()

    async def _relay(self, way: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self._gates[way].wait()
            data = await reader.read(CHUNK)
            await self._gates[way].wait()  # it may have been shut while nothing came
            if not data:
                with suppress(OSError, NotImplementedError):
                    writer.write_eof()
                return
            size = self._trickle or len(data)
            for begin in range(0, len(data), size):
                await self._pass_on(way, data[begin : begin + size], writer)

    async def _pass_on(self, way: Direction, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._delay:
            await asyncio.sleep(self._delay)
        if self._tap is not None:
            self._tap(way, data)
        writer.write(data)
        await writer.drain()

    # ------------------------------------------------------------ from other threads

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(PROMPT)

    def _call(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        self._do(run())
