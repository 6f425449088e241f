"""The tests of `incumbent-consul` run on real servers; a missing one is an error that says what to do."""

from __future__ import annotations

import os

import pytest
from server_binaries import find


@pytest.fixture(scope="session", autouse=True)
def consul_binary() -> None:
    """Let everything that starts a server find the program."""
    os.environ["INCUMBENT_CONSUL_BIN"] = str(find("consul"))
