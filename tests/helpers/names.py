"""Names with several addresses of loopback, of which one may be dead: it drops what would open a connection."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from patience import PATIENCE, eventually

from incumbent import LeaderElection, LeaderElectionConfig, Runner

__all__ = ["NAME", "assert_leading_beside", "dead_address", "named", "silent_address"]

#: No resolver knows it (RFC 6761), so only `named` can be what resolves it.
NAME = "service.test"
#: Seconds without an answer after which a connection on loopback is not made: others take microseconds.
SILENCE = 0.2


@contextmanager
def dead_address(port: int, address: str = "127.0.0.2") -> Iterator[str]:
    """
    Let *port* of *address* be as that of a host that is gone: who connects hears nothing, not even a refusal.

    A socket listens there that accepts nobody. Once its queue is full, the system drops the SYNs of all others.

    Args:
        port: Free at that address; the server's, which listens at another one, such as 127.0.0.1.
        address: Of loopback, ``::1`` too.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family))
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        _connect(stack, listening)
        eventually(lambda: select.select([listening], [], [], 0.0)[0])
        while _is_answered(_connect(stack, listening)):  # not on Linux, where a queue of 0 is full with one
            pass
        yield address


@contextmanager
def silent_address(port: int, address: str = "127.0.0.2") -> Iterator[str]:
    """Have connections to *port* of *address* accepted, but nothing answered."""
    with socket.create_server((address, port)):
        yield address


def _connect(stack: ExitStack, listening: socket.socket) -> socket.socket:
    client = stack.enter_context(socket.socket(listening.family))
    client.setblocking(False)
    client.connect_ex(listening.getsockname())
    return client


def _is_answered(client: socket.socket) -> bool:
    return bool(select.select([], [client], [], SILENCE)[1])


@contextmanager
def named(*addresses: str, name: str = NAME) -> Iterator[str]:
    """
    Let *name* have these *addresses*, in this order, for all that looks names up with `socket.getaddrinfo` here.

    Other names are looked up as ever. In a program that a test starts, enter it there.
    """
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> list[Any]:
        if host not in (name, name.encode()):
            return real(host, port, *arguments, **options)
        return [found for address in addresses for found in real(address, port, *arguments, **options)]

    with patch.object(socket, "getaddrinfo", getaddrinfo):
        yield name


def assert_leading_beside(config: LeaderElectionConfig, url: str) -> None:
    """Two candidates whose URL names a host with an address that does not answer lead, follow and hand over."""
    config = replace(config, cooldown=PATIENCE)  # it is the other's turn, however late its news are
    with LeaderElection(config, url, runner=Runner()) as election:
        assert election.wait_for_leadership(timeout=PATIENCE) is not None
        with LeaderElection(config, url, runner=Runner()) as follower:
            eventually(follower.is_follower)
            election.relinquish()
            assert follower.wait_for_leadership(timeout=PATIENCE) is not None
