"""What wrapper and guard say to each other: short lines of words over a socket, with file descriptors."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

#: Linux can do it in one step; elsewhere a fork in between could leak the descriptor, and there is none.
_CLOEXEC: Final[int] = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_MOST_DESCRIPTORS = 64


class Channel:
    """One end of the socket. Never blocks."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._rest = b""

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Return two connected ends."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return cls(one), cls(other)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end, which the other one sees."""
        self._socket.close()

    def send(self, *words: object, descriptors: tuple[int, ...] = ()) -> None:
        """
        Say *words*, and hand over copies of *descriptors*.

        Lost without a trace if the other process is gone, which `receive` tells, or has been frozen
        for so long that the socket is full: then it will kill the command at the deadline it knows.
        """
        line = " ".join(map(str, words)).encode() + b"\n"  # so short that the kernel takes all of it or nothing
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._socket, [line], descriptors)

    def receive(self) -> tuple[list[list[str]], list[int]]:
        """
        Return the lines that have arrived, as words, and the descriptors that came with them.

        Raises:
            EOFError: The other process is gone, and everything that it said has been returned.
        """
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 65536, _MOST_DESCRIPTORS, _CLOEXEC)
        except BlockingIOError:
            return [], []
        except ConnectionResetError:
            data, descriptors = b"", []
        if not data:
            raise EOFError
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode().split() for line in lines], list(descriptors)
