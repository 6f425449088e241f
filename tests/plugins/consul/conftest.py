"""Fixtures of the tests on real Consul servers. One that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import consul_stage as stage
import pytest
import server_binaries

from incumbent_consul.testing import ConsulServer

# Before anything is collected: the harness looks there.
os.environ["INCUMBENT_CONSUL_BIN"] = str(server_binaries.find("consul"))
# What a developer has set for Consul's own tool is not meant for these.
for variable in [variable for variable in os.environ if variable.startswith("CONSUL_")]:
    del os.environ[variable]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer]:
    """A server for the tests of one file that do it no harm."""
    made = ConsulServer(directory=tmp_path_factory.mktemp("consul"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[ConsulServer]:
    """A server for one test, which may kill it."""
    made = ConsulServer(directory=tmp_path / "victim")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def url(server: ConsulServer) -> str:
    return stage.url(server)


@pytest.fixture
def tap(server: ConsulServer) -> Iterator[stage.Tap]:
    """A proxy in front of the server, which counts. To be asked for before `opened`, which is closed earlier then."""
    with stage.Tap(server) as made:
        yield made
