"""`memory://[name]`: elections among the candidates of one process, for tests and examples.

It behaves like a store with a ttl, so what runs on it runs on others: claims expire when they are not
renewed, tokens grow, a store can be frozen, stopped and emptied.
"""

from __future__ import annotations

from incumbent.elector import Backend
from incumbent.hookspecs import hookimpl

from .backend import MemoryBackend
from .elector import MemoryElector
from .store import MemoryStore

__all__ = ["MemoryBackend", "MemoryElector", "MemoryStore", "incumbent_backend"]


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the backend class."""
    return MemoryBackend
