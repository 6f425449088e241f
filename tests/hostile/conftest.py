"""Fixtures of the hostile tests. A server that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os
import uuid

import pytest
import server_binaries

# Before anything is collected: the servers' classes look there.
for server in ("etcd", "consul"):
    os.environ[f"INCUMBENT_{server.upper()}_BIN"] = str(server_binaries.find(server))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has set for the servers' own tools, or for ours, is not meant for these."""
    for name in list(os.environ):
        if name.startswith(("CONSUL_", "ETCDCTL_", "INCUMBENT_ELECTOR")):
            monkeypatch.delenv(name)


@pytest.fixture
def name() -> str:
    """An election of the test's own."""
    return f"tests/{uuid.uuid4().hex[:12]}"
