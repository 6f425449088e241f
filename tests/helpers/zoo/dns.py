"""A correct elector whose store takes names as in DNS only: small letters, digits, points and hyphens."""

from __future__ import annotations

import re

from incumbent import ConfigurationError

from .elector import ZooBackend
from .harness import ZooHarness

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class DnsBackend(ZooBackend):
    def elector(self, lock_id, candidate):
        for name in (lock_id, candidate):
            if not NAME.fullmatch(name):
                raise ConfigurationError(f"zoo: {name[:60]!r} is no name as in DNS")
        return super().elector(lock_id, candidate)


class DnsHarness(ZooHarness):
    which = DnsBackend
    characters = "abcdefghijklmnopqrstuvwxyz0123456789-."
