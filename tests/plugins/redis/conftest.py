"""Fixtures of the tests on real servers. One that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis_stage as stage
import server_binaries

from incumbent import Backend, BackendSettings, open_backend

# Before anything is collected: the harness looks there.
for program in ("redis", "valkey"):
    os.environ.setdefault(f"INCUMBENT_{program.upper()}_BIN", str(server_binaries.find(program)))
# What a developer has set for redis-cli is not meant for these.
os.environ.pop("REDISCLI_AUTH", None)

OpenBackend = Callable[..., Backend]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stage.Server]:
    """A server for the tests of one file that do it no harm; elections can be held on it."""
    with stage.running(stage.Server(tmp_path_factory.mktemp("redis"))) as made:
        stage.come_of_age(made)
        yield made


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[stage.Server]:
    """A server for one test, which may kill it; elections can be held on it."""
    with stage.running(stage.Server(tmp_path / "victim")) as made:
        stage.come_of_age(made)
        yield made


@pytest.fixture
def url(server: stage.Server) -> str:
    return stage.url(server)


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
