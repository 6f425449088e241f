"""For tests on a real PostgreSQL: the harness of the conformance suite, and servers to run it on."""

from __future__ import annotations

from .harness import PostgresHarness
from .programs import binary
from .server import Postgres

__all__ = ["Postgres", "PostgresHarness", "binary"]
