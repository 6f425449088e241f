"""What a report tells of its circumstances: versions; and what it must not tell: secrets."""

from __future__ import annotations

import platform
from urllib.parse import quote

from incumbent import CONTRACT_VERSION, Address, Backend, __version__
from incumbent.registry import packages

__all__ = ["Redacted", "versions"]


class Redacted:
    """
    Takes the secrets of a URL out of texts.

    Attributes:
        url: The URL without them.
    """

    def __init__(self, url: str) -> None:
        address = Address.parse(url)
        self.url = str(address)
        secrets = [value for name, value in address.options.items() if f"{quote(name)}=***" in self.url]
        if address.password is not None:
            secrets.append(address.password.reveal())
        spellings = {spelling for secret in secrets for spelling in (secret, quote(secret), quote(secret, safe=""))}
        self._secrets = sorted(filter(None, spellings), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return *text* without them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def versions(scheme: str, backend: type[Backend]) -> dict[str, str]:
    """Return what was tested with what."""
    package = " or ".join(packages(scheme)) or "no installed package"
    return {
        "elector": f"{scheme}, from {package}, for contract {backend.contract_version}",
        "incumbent": f"{__version__}, contract {CONTRACT_VERSION}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(terse=True),
    }
