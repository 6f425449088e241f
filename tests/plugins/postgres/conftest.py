"""Fixtures of the tests on real PostgreSQL servers. A missing one is an error that says what to do, never a skip."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import postgres_stage as stage
import pytest
import server_binaries

from incumbent import Backend, BackendSettings, open_backend

# Before anything is collected: the harness looks there.
os.environ.setdefault("INCUMBENT_POSTGRES_BIN", str(server_binaries.find("postgres")))
# What a developer has set for psql is not meant for these.
for name in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[name]

OpenBackend = Callable[..., Backend]


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


@pytest.fixture
def name() -> str:
    """An election of the test's own."""
    return f"tests/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[OpenBackend]:
    """Open backends, as processes of their own would; closed when the test ends."""
    backends: list[Backend] = []

    def open_one(where: str | None = None, settings: BackendSettings | None = None) -> Backend:
        chosen = request.getfixturevalue("url") if where is None else where
        backends.append(open_backend(chosen, settings or stage.settings()))
        return backends[-1]

    yield open_one
    for backend in backends:
        backend.close()
