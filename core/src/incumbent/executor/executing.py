"""Executes testaments, in a process that has outlived that of the terms."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import MappingProxyType

from incumbent.address import Address, Secret
from incumbent.clock import boottime
from incumbent.elector import Backend, BackendSettings
from incumbent.errors import BackendUnavailableError, ElectionError
from incumbent.registry import open_backend

__all__ = ["execute", "execute_all"]

#: Seconds between two attempts that had no answer.
PAUSE = 0.2


def execute(address: Address, settings: BackendSettings, terms: Iterable[tuple[str, str]]) -> None:
    """
    End *terms*, each a lock id with a testament, when everything is dead that could act for them.

    If the backend does not answer, it is tried for a ttl: then the claims end by themselves. Never raises.
    """
    until = boottime() + settings.ttl
    with suppress(ElectionError):  # they end by themselves
        backend = open_backend(address, settings)
        try:
            for lock_id, testament in terms:
                with suppress(ElectionError):
                    _execute(backend, lock_id, testament, until)
        finally:
            backend.close()


def _execute(backend: Backend, lock_id: str, testament: str, until: float) -> None:
    while boottime() < until:
        try:
            backend.execute(lock_id, testament)
        except BackendUnavailableError:
            time.sleep(PAUSE)
        else:
            return


def execute_all(wills: Iterable[bytes]) -> None:
    """End the terms that `Will` has written down: those of different stores side by side."""
    stores: dict[str, list[tuple[str, str]]] = {}
    for will in wills:
        *where, lock_id, testament = json.loads(will)
        stores.setdefault(json.dumps(where), []).append((lock_id, testament))
    threads = []
    for where, terms in stores.items():
        scheme, hosts, path, options, username, password, ttl, request_timeout = json.loads(where)
        address = Address(
            scheme,
            tuple((host, port) for host, port in hosts),
            path,
            MappingProxyType(options),
            username,
            None if password is None else Secret(password),
        )
        arguments = (address, BackendSettings(ttl, request_timeout), terms)
        threads.append(threading.Thread(target=execute, args=arguments))
        threads[-1].start()
    for thread in threads:
        thread.join()
