"""
A host that is a name with several addresses, of which some may be dead: look-up and connection within one deadline.

What is remembered of addresses is shared by all who ask in this process. There is no lock that a fork could leave held.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - `getaddrinfo` does it otherwise, when a fork may tear it apart
import ipaddress
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from .deadlines import time_left

__all__ = ["addresses_of", "connect_socket", "connect_unix", "note_address"]

#: Seconds after which the next address is tried beside those that have not answered yet (RFC 8305). Of what is left
#: until the deadline, the first tries get a half at most, together.
STAGGER, SHARE = 0.25, 0.5

#: One for each name, as a rule, however often is asked while the resolver hangs.
_lookups: dict[str, _LookUp] = {}
#: By host and port: the addresses of which something is known, the best first. Empty stands for those that are unknown.
_orders: dict[tuple[str, int], tuple[str, ...]] = {}


def addresses_of(host: str, port: int, deadline: float) -> list[str]:
    """
    Return the addresses of *host*, those first that answered last.

    Thread-safe.

    Args:
        host: A name or an address, IPv6 without brackets.
        port: Of the server, for which `note_address` has remembered what is known.
        deadline: On `time.monotonic`. The system's own resolver waits as long as it likes.

    Raises:
        TimeoutError: The name has not been looked up in time.
        OSError: It has no address.
    """
    found = _look_up(host, deadline)
    known = tuple(address for address in _orders.get((host, port), ()) if not address or address in found)
    if known:
        _orders[host, port] = known  # without those that the name has no longer
        found = sorted(found, key=lambda address: known.index(address if address in known else ""))
    return found


def note_address(host: str, port: int, address: str, *, answers: bool) -> None:
    """
    Remember whether the server at *address* of *host* answers: who connects next begins, or ends, with it.

    Thread-safe. `connect_socket` notes who answers; that one is silent although it accepts connections is for who
    waited in vain to note.
    """
    known = [other for other in _orders.get((host, port), ("",)) if other != address]
    if answers:  # of what answered before nothing is known any more
        known = known[known.index("") :]
    _orders[host, port] = (address, *known) if answers else (*known, address)


def connect_socket(host: str, port: int, deadline: float) -> tuple[socket.socket, str]:
    """
    Connect to whichever address of *host* answers, by *deadline*; one that is dead keeps nobody from the others.

    The addresses are tried one after the other, the one that answered last first; the next as soon as one fails, or
    has not answered for a quarter of a second, or for its share of the time that is left. The first that answers is
    remembered. Thread-safe.

    Args:
        host: A name or an address, IPv6 without brackets.
        port: Of the server.
        deadline: On `time.monotonic`.

    Returns:
        A socket without a timeout, with keep-alive, and without delay of what is sent; and the address that it reached,
        for `note_address` should that fall silent.

    Raises:
        TimeoutError: None has answered in time.
        OSError: All have failed; says how the last did. Or the name has no address.
    """
    with _Race(addresses_of(host, port, deadline), port, deadline) as race:
        address, sock = race.run()
    note_address(host, port, address, answers=True)
    sock.setblocking(True)
    with suppress(OSError):  # closed already: who uses it will see
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock, address


def connect_unix(path: str, deadline: float) -> socket.socket:
    """
    Connect to the Unix socket at *path* by *deadline* (`time.monotonic`). Thread-safe.

    Raises:
        TimeoutError: There is no time left.
        OSError: There is nobody, or nobody who accepts: the system says so at once when its queue is full.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(time_left(deadline))
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


class _Race:
    """Connections to several addresses that are being made at the same time; closes all but the one it returns."""

    def __init__(self, addresses: Iterable[str], port: int, deadline: float) -> None:
        self._waiting = list(addresses)
        self._port = port
        self._deadline = deadline
        self._stagger = min(STAGGER, SHARE * (deadline - time.monotonic()) / max(1, len(self._waiting)))
        self._failure = OSError("the host has no address")

    def __enter__(self) -> _Race:
        self._selector = selectors.DefaultSelector()
        return self

    def __exit__(self, *_: object) -> None:
        for key in self._selector.get_map().values():
            key.fileobj.close()  # type: ignore[union-attr] # they are sockets
        self._selector.close()

    def run(self) -> tuple[str, socket.socket]:
        begins = -1.0
        while self._waiting or self._selector.get_map():
            now = time.monotonic()
            if now >= self._deadline:
                raise TimeoutError("timed out")
            if self._waiting and (now >= begins or not self._selector.get_map()):
                self._begin(self._waiting.pop(0))
                begins = now + self._stagger
            until = min(begins, self._deadline) if self._waiting else self._deadline
            for key, _ in self._selector.select(max(0.0, until - now)) if self._selector.get_map() else ():
                sock: socket.socket = key.fileobj  # type: ignore[assignment] # they are sockets
                self._selector.unregister(sock)
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not number:
                    return key.data, sock
                sock.close()
                self._failure = OSError(number, os.strerror(number))
        raise self._failure

    def _begin(self, address: str) -> None:
        try:
            found = socket.getaddrinfo(address, self._port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            family, kind, protocol, _, where = found[0]
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            self._failure = error
            return
        try:
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(where)
            self._selector.register(sock, selectors.EVENT_WRITE, address)
        except OSError as error:  # no way there, or no IPv6
            sock.close()
            self._failure = error


class _LookUp(threading.Thread):
    def __init__(self, host: str) -> None:
        super().__init__(name="incumbent-name", daemon=True)
        self.host = host
        self.addresses: list[str] = []
        self.error = OSError("the host has no address")

    def run(self) -> None:
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
            self.addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        except OSError as error:
            self.error = error
        except UnicodeError:
            self.error = OSError("no name of a host")
        finally:
            if _lookups.get(self.host) is self:
                del _lookups[self.host]


def _look_up(host: str, deadline: float) -> list[str]:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return [host]
    lookup = _lookups.get(host)
    if lookup is None or not lookup.is_alive():  # of a process that this one was forked from
        lookup = _LookUp(host)
        try:
            lookup.start()
        except RuntimeError as error:  # there is no thread to be had, as when Python ends
            raise OSError(str(error)) from None
        if lookup.is_alive():
            _lookups[host] = lookup
    lookup.join(max(0.0, deadline - time.monotonic()))
    if lookup.is_alive():
        raise TimeoutError("the host's name is not looked up in time")
    if not lookup.addresses:
        raise OSError(*lookup.error.args)
    return list(lookup.addresses)
