"""Ends the term of a process that has died, with the testament that its elector left (P11)."""

from __future__ import annotations

import time
from contextlib import suppress

from .address import Address
from .clock import boottime
from .elector import BackendSettings
from .errors import BackendUnavailableError, ElectionError
from .registry import open_backend

__all__ = ["execute"]

#: Seconds between two attempts that had no answer.
PAUSE = 0.2


def execute(address: Address, settings: BackendSettings, lock_id: str, testament: str) -> None:
    """
    End that term. Call it when everything is dead that could act for the term, in a process that is not part of it.

    Tries for a ttl, if the backend does not answer; then the claim ends by itself. Never raises.
    """
    until = boottime() + settings.ttl
    with suppress(ElectionError):  # the claim ends by itself
        backend = open_backend(address, settings)
        try:
            while boottime() < until:
                try:
                    backend.execute(lock_id, testament)
                    break
                except BackendUnavailableError:
                    time.sleep(PAUSE)
        finally:
            backend.close()
