"""Fixtures of the tests on real PostgreSQL servers. A missing one is an error that says what to do, never a skip."""

from __future__ import annotations

import os
from collections.abc import Iterator

import postgres_stage as stage
import pytest
import server_binaries

# Before anything is collected: the harness looks there.
os.environ.setdefault("INCUMBENT_POSTGRES_BIN", str(server_binaries.find("postgres")))
# What a developer has set for psql is not meant for these.
for name in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[name]


@pytest.fixture(scope="module")
def server() -> Iterator[stage.Postgres]:
    """A server for the tests of one file that do it no harm."""
    made = stage.Postgres()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def victim() -> Iterator[stage.Postgres]:
    """A server for one test, which may kill it."""
    made = stage.Postgres()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def url(server: stage.Postgres) -> str:
    return server.url
