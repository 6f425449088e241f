"""Fixtures of the tests on real etcd servers. One that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import etcd_stage as stage
import pytest
import server_binaries

from incumbent import Backend, BackendSettings, open_backend

# Before anything is collected: the harness looks there.
os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))
# What a developer has set for etcdctl is not meant for these.
for name in [name for name in os.environ if name.startswith("ETCDCTL_")]:
    del os.environ[name]

OpenBackend = Callable[..., Backend]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stage.Etcd]:
    """A server for the tests of one file that do it no harm."""
    made = stage.Etcd(tmp_path_factory.mktemp("etcd"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[stage.Etcd]:
    """A server for one test, which may kill it."""
    made = stage.Etcd(tmp_path / "victim")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def url(server: stage.Etcd) -> str:
    return f"etcd://127.0.0.1:{server.port}"


@pytest.fixture
def name() -> str:
    """An election of the test's own."""
    return f"tests/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def opened(url: str) -> Iterator[OpenBackend]:
    """Open backends, as processes of their own would; closed when the test ends."""
    backends: list[Backend] = []

    def open_one(where: str = url, settings: BackendSettings | None = None) -> Backend:
        backends.append(open_backend(where, settings or stage.settings()))
        return backends[-1]

    yield open_one
    for backend in backends:
        backend.close()
