"""Fixtures of the tests on real etcd servers. One that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import etcd_stage as stage
import pytest
import server_binaries

# Before anything is collected: the harness looks there.
os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))
# What a developer has set for etcdctl is not meant for these.
for name in [name for name in os.environ if name.startswith("ETCDCTL_")]:
    del os.environ[name]


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
