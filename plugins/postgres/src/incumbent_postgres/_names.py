"""Host names, looked up with a deadline: libpq itself waits as long as the system's resolver likes (P10)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from ipaddress import ip_address

from ._errors import LostError

__all__ = ["resolved"]

_lock = threading.Lock()
#: At most one for each name, however often is asked while the resolver hangs.
_lookups: dict[str, _Lookup] = {}


class _Lookup(threading.Thread):
    def __init__(self, host: str) -> None:
        super().__init__(name="incumbent-postgres-name", daemon=True)
        self.host = host
        self.addresses: list[str] = []
        self.error = "it has no address"

    def run(self) -> None:
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
            self.addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        except (OSError, UnicodeError) as error:
            self.error = str(error)
        finally:
            with _lock:
                _lookups.pop(self.host, None)


def resolved(parameters: Mapping[str, str], end: float) -> dict[str, str]:
    """
    Return *parameters* with the addresses of their host, if it is a name.

    Raises:
        LostError: It has none, or none was found before *end*, on the monotonic clock.
    """
    host = parameters.get("host", "")
    if not _is_name(host):
        return dict(parameters)
    with _lock:
        lookup = _lookups.get(host)
        if lookup is None or not lookup.is_alive():  # of a process that this one was forked from
            lookup = _lookups[host] = _Lookup(host)
            lookup.start()
    lookup.join(max(0.0, end - time.monotonic()))
    if lookup.is_alive():
        raise LostError("no answer in time")
    if not lookup.addresses:
        raise LostError(f"the host's name cannot be resolved: {lookup.error}")
    # The host itself stays: certificates and password files name it.
    names = ",".join([host] * len(lookup.addresses))
    return {**parameters, "host": names, "hostaddr": ",".join(lookup.addresses)}


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return bool(host) and not host.startswith(("/", "@"))  # those are Unix sockets
    return False
