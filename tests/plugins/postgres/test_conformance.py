"""The elector `postgres` passes the conformance suite, on a real server."""

from __future__ import annotations

from incumbent.testing import ElectorConformance
from incumbent_postgres.testing import PostgresHarness


class TestPostgres(ElectorConformance):
    """Every test of the suite, on a server of its own."""

    harness = PostgresHarness
