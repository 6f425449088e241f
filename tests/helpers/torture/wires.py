"""A cluster of etcd whose members can be cut off each other in one direction, and one by one."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable
from itertools import permutations
from pathlib import Path
from typing import Any

import etcd_stage

from incumbent.testing import FaultProxy
from incumbent.testing.proxy import Direction

__all__ = ["WiredCluster"]

HOST = "127.0.0.1"
#: A port that refuses; who dials does so again at once.
NOBODY = 1


class Switch(FaultProxy):
    """
    What a member is reached through: leads each connection on to the wire of who dialed.

    All members must know one by the same URL, and each keeps connections to each other that both speak on; so a
    proxy in front of a member alone cannot tell what the member hears from what it says.
    """

    def __init__(self, wire: Callable[[int], int]) -> None:
        self._wire = wire
        super().__init__(HOST, 0)

    async def _serve(self, connection: Any, reader: asyncio.StreamReader) -> None:
        self._server = HOST, self._wire(connection.ends[0].get_extra_info("peername")[1])
        await super()._serve(connection, reader)


class WiredCluster(etcd_stage.Cluster):
    """Three members, and for each pair a wire for what the first has dialed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._wires: dict[tuple[str, str], FaultProxy] = {}
        super().__init__(folder, *arguments)

    def _peer(self, name: str, ports: dict[str, int]) -> FaultProxy:
        for dialer, listener in permutations(ports, 2):
            if listener == name:
                self._wires[dialer, listener] = FaultProxy(HOST, ports[name])

        def wire(source: int) -> int:
            if not self.members[name].running:
                return NOBODY
            running = {member.pid: dialer for dialer, member in self.members.items() if member.running}
            # The system's table may leave out a row while it changes: then no wire, rather than one past the faults.
            pair = running.get(_owner(source, running), ""), name
            return self._wires[pair].port if pair in self._wires else NOBODY

        return Switch(wire)

    def deafen(self, name: str, others: Iterable[str]) -> None:
        """Hold back what the member would hear from the others."""
        self._hold_back(name, others, "to client", "to server")

    def silence(self, name: str, others: Iterable[str]) -> None:
        """Hold back what the member says to the others."""
        self._hold_back(name, others, "to server", "to client")

    def _hold_back(self, name: str, others: Iterable[str], own: Direction, theirs: Direction) -> None:
        for other in others:
            self._wires[name, other].freeze(own)
            self._wires[other, name].freeze(theirs)

    def rewire(self) -> None:
        """Let all through again."""
        for wire in self._wires.values():
            wire.heal()

    def close(self) -> None:
        self.rewire()
        super().close()
        for wire in self._wires.values():
            wire.close()


def _owner(source: int, pids: Iterable[int]) -> int | None:
    """Return which of the processes has the connection from that port of loopback."""
    # The columns: number, own address, the other's, and after six more the inode of the socket.
    row = re.search(rf": 0100007F:{source:04X} \w+:\w+(?: +\S+){{6}} +(\d+)", Path("/proc/net/tcp").read_text())
    socket = row and f"socket:[{row[1]}]"
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):  # it was closed meanwhile
                    if str(descriptor.readlink()) == socket:
                        return pid
    return None
