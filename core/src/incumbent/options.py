"""What electors need to read the options of their URL, and to show what others wrote."""

from __future__ import annotations

import ipaddress

__all__ = ["is_loopback", "one_line"]


def is_loopback(host: str) -> bool:
    """
    Tell whether what is sent to *host* stays on this machine.

    Looks no name up: of the names only ``localhost`` is known. Thread-safe.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def one_line(text: str, *secrets: str | None, longest: int = 300) -> str:
    """
    Return *text*, which a server or a library wrote, as a message may show it.

    Thread-safe.

    Args:
        text: Anything.
        *secrets: What must not be shown, if there is any: some servers and relays send back what they were sent.
        longest: Longer text is cut, characters.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in text)[:longest]
