"""A TCP relay that misbehaves when told to: it freezes, stalls, vanishes, delays, trickles, cuts and resets."""

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
#: Clients that fill a queue which has no room.
FULL = 3
#: Bytes that are relayed at once.
CHUNK = 65536
#: Seconds that the proxy's own thread may take to do as told.
PROMPT = 10.0


def _ways(direction: Direction | None) -> tuple[Direction, ...]:
    return DIRECTIONS if direction is None else (direction,)


class _Connection:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        #: To the client, and to the server as soon as that is reached.
        self.ends = [client]
        #: Shut while it alone is silent.
        self.gate = asyncio.Event()
        self.gate.set()

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
        self._delay = dict.fromkeys(DIRECTIONS, 0.0)
        self._trickle: dict[Direction, int | None] = dict.fromkeys(DIRECTIONS)
        self._refusing = False
        #: Pieces to the server until the one that is held back; less than 1 if none is.
        self._left = 0
        self._came = threading.Event()
        self._connections: dict[_Connection, asyncio.Task[None]] = {}
        self.accepted = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="incumbent-fault-proxy", daemon=True)
        self._thread.start()
        self._listener = socket.create_server(("127.0.0.1", 0))
        #: Clients that nobody accepts, so that others cannot even connect.
        self._crowd: list[socket.socket] = []
        self._do(self._open())
        self.host: str
        self.port: int
        self.host, self.port = self._listener.getsockname()

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
        for way in _ways(direction):
            self._call(self._gates[way].clear)

    def stall(self) -> None:
        """Hold back what goes through the connections that are open now, in both directions; new ones are served."""
        self._call(self._stall)

    def vanish(self) -> None:
        """Be a host that is gone: who connects is neither accepted nor refused, and old connections are silent."""
        self.freeze()
        self._do(self._vanish())

    def hold(self, number: int) -> threading.Event:
        """Hold back the *number*-th piece that goes to the server from now on, and all after it; tell when it came."""
        came = threading.Event()
        self._call(lambda: self._hold(number, came))
        return came

    def delay(self, seconds: float, direction: Direction | None = None) -> None:
        """Hold everything that goes in *direction*, or each, back for *seconds*."""
        self._delay.update(dict.fromkeys(_ways(direction), seconds))

    def trickle(self, size: int, direction: Direction | None = None) -> None:
        """Pass on *size* bytes at a time in *direction*, or each; each after the delay."""
        self._trickle.update(dict.fromkeys(_ways(direction), size))

    def reset(self) -> None:
        """End all connections with a RST; new ones are accepted."""
        self._call(self._abort_all)

    def cut(self) -> None:
        """End all connections, and new ones at once."""
        self._refusing = True
        self.reset()

    def heal(self) -> None:
        """End all faults. What was held back goes on."""
        self._refusing, self._left = False, 0
        self._delay, self._trickle = dict.fromkeys(DIRECTIONS, 0.0), dict.fromkeys(DIRECTIONS)
        self._do(self._reappear())

    def close(self) -> None:
        """End all connections and the proxy's thread. Idempotent."""
        if self._loop.is_closed():
            return
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PROMPT)
        self._loop.close()

    # ------------------------------------------------------------ on the proxy's thread

    async def _open(self) -> None:
        self._gates = {way: asyncio.Event() for way in DIRECTIONS}
        for gate in self._gates.values():
            gate.set()
        await self._listen()

    async def _listen(self) -> None:
        self._acceptor = await asyncio.start_server(self._accept, sock=self._listener.dup())

    def _hold(self, number: int, came: threading.Event) -> None:
        self._left, self._came = number, came

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._gates["to server"].clear()
            self._came.set()

    def _stall(self) -> None:
        for connection in self._connections:
            connection.gate.clear()

    async def _vanish(self) -> None:
        await self._stop_listening()
        self._listener.listen(0)
        for _ in range(FULL):
            client = socket.socket()
            self._crowd.append(client)
            client.setblocking(False)
            client.connect_ex((self.host, self.port))

    async def _reappear(self) -> None:
        if self._crowd:
            while self._crowd:
                self._crowd.pop().close()
            await self._listen()
        for gate in [*self._gates.values(), *(connection.gate for connection in self._connections)]:
            gate.set()

    async def _stop_listening(self) -> None:
        # asyncio closes nobody whom it has accepted and not yet served when its server is closed (CPython gh-109564).
        for sock in self._acceptor.sockets:
            self._loop.remove_reader(sock)
        await asyncio.sleep(0)
        self._acceptor.close()

    async def _shut(self) -> None:
        await self._stop_listening()
        self._listener.close()
        for client in self._crowd:
            client.close()
        # Who has just been accepted comes to `_accept` a step later, and has a task then.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            self._abort_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._abort_all()  # of those that were cancelled before they began
        self._connections.clear()
        await asyncio.sleep(0)  # the sockets of what was closed are closed a step later

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
                self._relay("to server", reader, server, connection.gate),
                self._relay("to client", server_reader, client, connection.gate),
            )
        except OSError:
            connection.abort()
        finally:
            del self._connections[connection]
            for end in connection.ends:
                end.close()

    async def _relay(
        self, way: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stalled: asyncio.Event
    ) -> None:
        while True:
            await self._gates[way].wait()
            data = await reader.read(CHUNK)
            if data and way == "to server":
                self._count()
            for gate in (self._gates[way], stalled):  # they may have been shut while nothing came
                await gate.wait()
            if not data:
                with suppress(OSError, NotImplementedError):
                    writer.write_eof()
                return
            size = self._trickle[way] or len(data)
            for begin in range(0, len(data), size):
                await self._pass_on(way, data[begin : begin + size], writer)

    async def _pass_on(self, way: Direction, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._delay[way]:
            await asyncio.sleep(self._delay[way])
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
