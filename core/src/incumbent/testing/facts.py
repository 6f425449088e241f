"""What a report tells of its circumstances: versions; and what it must not tell: secrets."""

from __future__ import annotations

import platform
from importlib.metadata import entry_points
from urllib.parse import quote

from incumbent import CONTRACT_VERSION, Address, Backend, __version__
from incumbent.registry import ENTRY_POINT_GROUP

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
    return {
        "elector": f"{scheme}, from {_package(scheme)}, for contract {backend.contract_version}",
        "incumbent": f"{__version__}, contract {CONTRACT_VERSION}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(terse=True),
    }


def _package(scheme: str) -> str:
    try:
        packages = {
            f"{point.dist.name} {point.dist.version}"
            for point in entry_points(group=ENTRY_POINT_GROUP, name=scheme)
            if point.dist is not None
        }
    except Exception:  # somebody else's damaged package: what Python raises for one differs
        packages = set()
    return " or ".join(sorted(packages)) or "no installed package"
