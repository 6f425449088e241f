"""Fixtures of the tests on real servers. One that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis_stage as stage
import server_binaries

# Before anything is collected: the harness looks there.
for program in ("redis", "valkey"):
    os.environ.setdefault(f"INCUMBENT_{program.upper()}_BIN", str(server_binaries.find(program)))
# What a developer has set for redis-cli is not meant for these.
os.environ.pop("REDISCLI_AUTH", None)


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
