"""
The addresses of a host, looked up with a deadline: libpq itself waits as long as the system's resolver likes (P10).

Nor does libpq, driven without blocking, ever leave an address that does not answer for the next one: so it is told one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_address

from incumbent import addresses_of, note_address

from ._errors import SILENCE, LostError

__all__ = ["addressed", "note", "share", "turn"]

#: Seconds: a system that has not answered at all by then, while TCP asks again, is left for the next one.
AT_ALL = 1.0
#: Where `note` keeps what it knows of a host whose port is left to libpq.
DEFAULT_PORT = 5432


def addressed(parameters: Mapping[str, str], end: float) -> list[dict[str, str]]:
    """
    Return *parameters* for each address of their host, that first which answered last; or as they are, without a name.

    Raises:
        LostError: It has none, or none was found before *end*, on the monotonic clock.
    """
    host = parameters.get("host", "")
    if not _is_name(host):
        return [dict(parameters)]
    try:
        addresses = addresses_of(host, _port(parameters), end)
    except TimeoutError:
        raise LostError(SILENCE) from None
    except OSError as error:
        raise LostError(f"the host's name cannot be resolved: {error.strerror or error}") from None
    # The host itself stays: certificates and password files name it.
    return [{**parameters, "hostaddr": address} for address in addresses]


def note(parameters: Mapping[str, str], *, answers: bool) -> None:
    """Remember whether the address in *parameters*, if there is one, is of use: which to begin with, or to end."""
    if "hostaddr" in parameters:
        note_address(parameters["host"], _port(parameters), parameters["hostaddr"], answers=answers)


def share(end: float, parts: int) -> float:
    """Return when the first of *parts*, which share what is left until *end*, must be done, on the monotonic clock."""
    now = time.monotonic()
    return now + (end - now) / parts


def turn(end: float, parts: int) -> float:
    """Return likewise when the first must have answered at all; the last may take what is left."""
    return end if parts == 1 else min(share(end, parts), time.monotonic() + AT_ALL)


def _port(parameters: Mapping[str, str]) -> int:
    return int(parameters.get("port", DEFAULT_PORT))


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return bool(host) and not host.startswith("/")  # that is a Unix socket
    return False
