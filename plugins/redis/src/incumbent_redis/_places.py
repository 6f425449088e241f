"""Where a URL says that the servers are: hosts and ports, or the path of a Unix socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incumbent import Address, ConfigurationError, Endpoint

__all__ = ["UNIX", "Place", "Socket", "places"]

DEFAULT_PORT, SENTINEL_PORT = 6379, 26379
#: The scheme whose path is that of a socket; what the kernel takes as one, bytes.
UNIX, LONGEST_PATH = "redis+unix", 107


@dataclass(frozen=True)
class Socket:
    """A server behind a Unix socket, and its name in messages."""

    path: str
    #: What is sent there stays on this machine.
    is_loopback: ClassVar[bool] = True

    def __str__(self) -> str:
        return self.path


Place = Endpoint | Socket


def places(address: Address) -> tuple[Place, ...]:
    """
    Return where the server is, or the Sentinels are.

    Raises:
        ConfigurationError: One line that names the part, its value and the rule.
    """
    return (_socket(address),) if address.scheme == UNIX else _servers(address)


def _servers(address: Address) -> tuple[Endpoint, ...]:
    hosts = address.hosts or (("127.0.0.1", None),)
    is_sentinel = "sentinel" in address.options
    if len(hosts) > 1 and not is_sentinel:
        # Whichever answers first would be another server for another candidate: two leaders.
        raise ConfigurationError(
            "redis: several hosts: only Sentinels can tell which one is the primary: give one host, or "
            "sentinel=NAME and the Sentinels' hosts"
        )
    for host, _ in hosts:
        if host.startswith("/"):
            raise ConfigurationError(f"redis: host {ascii(host)[:60]}: write a Unix socket as {UNIX}:///path")
    default = SENTINEL_PORT if is_sentinel else DEFAULT_PORT
    return tuple(Endpoint(host, port or default) for host, port in hosts)


def _socket(address: Address) -> Socket:
    if address.hosts:
        raise ConfigurationError(
            f"redis: host {address.hosts[0][0]}: a Unix socket has none: write {UNIX}:///path, with three slashes"
        )
    if not 1 < len(address.path.encode()) <= LONGEST_PATH:
        raise ConfigurationError(
            f"redis: path {ascii(address.path)[:60]}: must be that of a Unix socket, of {LONGEST_PATH} bytes at most"
        )
    for option in ("sentinel", "ca", "cert", "key", "tls"):
        if option in address.options:
            raise ConfigurationError(f"redis: option {option} makes no sense with a Unix socket: leave it out")
    return Socket(address.path)
