"""For tests on a real PostgreSQL: the harness of the conformance suite, and servers to run it on."""

from __future__ import annotations

from .harness import PostgresHarness
from .server import Postgres, binary

__all__ = ["Postgres", "PostgresHarness", "binary"]
