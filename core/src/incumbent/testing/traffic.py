"""What goes through a fault proxy: connections, relayed on its thread, and held back, slowed or ended as it says."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

__all__ = ["DIRECTIONS", "Direction", "Traffic"]

#: Which way bytes go through the proxy.
Direction = Literal["to server", "to client"]
DIRECTIONS: tuple[Direction, ...] = ("to server", "to client")
#: Clients that fill a queue which has no room.
FULL = 3
#: Bytes that are relayed at once.
CHUNK = 65536


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


class Traffic:
    """
    The connections through one proxy. On its thread, but for the attributes that any thread may set.

    Attributes:
        server: Host and port of where new connections lead.
        delay: Seconds that everything is held back, by direction.
        trickle: How many bytes are passed on at a time, by direction; None for all.
        refusing: Whether new connections are ended at once.
        accepted: Connections that were accepted so far.
    """

    def __init__(self, server: tuple[str, int], tap: Callable[[Direction, bytes], None] | None) -> None:
        self.server = server
        self.delay = dict.fromkeys(DIRECTIONS, 0.0)
        self.trickle: dict[Direction, int | None] = dict.fromkeys(DIRECTIONS)
        self.refusing = False
        self.accepted = 0
        self.connections: dict[_Connection, asyncio.Task[None]] = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._tap = tap
        #: Pieces to the server until the one that is held back; less than 1 if none is.
        self._left = 0
        self._came = threading.Event()
        #: Clients that nobody accepts, so that others cannot even connect.
        self._crowd: list[socket.socket] = []

    async def open(self) -> None:
        """Begin to listen."""
        self.gates = {way: asyncio.Event() for way in DIRECTIONS}
        for gate in self.gates.values():
            gate.set()
        await self._listen()

    async def _listen(self) -> None:
        self._acceptor = await asyncio.start_server(self._accept, sock=self.listener.dup())

    def hold(self, number: int, came: threading.Event) -> None:
        """Hold back the *number*-th piece that goes to the server from now on, and all after it; set *came* then."""
        self._left, self._came = number, came

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.gates["to server"].clear()
            self._came.set()

    def stall(self) -> None:
        """Hold back what goes through the connections that are open now."""
        for connection in self.connections:
            connection.gate.clear()

    async def vanish(self) -> None:
        """Neither accept nor refuse who connects."""
        await self._stop_listening()
        self.listener.listen(0)
        for _ in range(FULL):
            client = socket.socket()
            self._crowd.append(client)
            client.setblocking(False)
            client.connect_ex(self.listener.getsockname())

    async def reappear(self) -> None:
        """Listen, and hold nothing back."""
        self._left = 0
        if self._crowd:
            while self._crowd:
                self._crowd.pop().close()
            await self._listen()
        for gate in [*self.gates.values(), *(connection.gate for connection in self.connections)]:
            gate.set()

    async def _stop_listening(self) -> None:
        # asyncio closes nobody whom it has accepted and not yet served when its server is closed (CPython gh-109564).
        for sock in self._acceptor.sockets:
            asyncio.get_running_loop().remove_reader(sock)
        await asyncio.sleep(0)
        self._acceptor.close()

    async def shut(self) -> None:
        """End all connections and tasks, and listen no more."""
        await self._stop_listening()
        self.listener.close()
        for client in self._crowd:
            client.close()
        # Who has just been accepted comes to `_accept` a step later, and has a task then.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            self.abort_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.abort_all()  # of those that were cancelled before they began
        self.connections.clear()
        await asyncio.sleep(0)  # the sockets of what was closed are closed a step later

    def abort_all(self) -> None:
        """End all connections with a RST."""
        for connection in list(self.connections):
            connection.abort()

    # Not a coroutine: asyncio reports one that is cancelled, as all are when the proxy is closed, as a fault of ours.
    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(writer)
        if self.refusing:
            connection.abort()
        else:
            self.connections[connection] = asyncio.get_running_loop().create_task(self._serve(connection, reader))

    async def _serve(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        (client,) = connection.ends
        try:
            server_reader, server = await asyncio.open_connection(*self.server)
            connection.ends.append(server)
            await asyncio.gather(
                self._relay("to server", reader, server, connection.gate),
                self._relay("to client", server_reader, client, connection.gate),
            )
        except OSError:
            connection.abort()
        finally:
            del self.connections[connection]
            for end in connection.ends:
                end.close()

    async def _relay(
        self, way: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stalled: asyncio.Event
    ) -> None:
        while True:
            await self.gates[way].wait()
            data = await reader.read(CHUNK)
            if data and way == "to server":
                self._count()
            for gate in (self.gates[way], stalled):  # they may have been shut while nothing came
                await gate.wait()
            if not data:
                with suppress(OSError, NotImplementedError):
                    writer.write_eof()
                return
            size = self.trickle[way] or len(data)
            for begin in range(0, len(data), size):
                await self._pass_on(way, data[begin : begin + size], writer)

    async def _pass_on(self, way: Direction, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay[way]:
            await asyncio.sleep(self.delay[way])
        if self._tap is not None:
            self._tap(way, data)
        writer.write(data)
        await writer.drain()
