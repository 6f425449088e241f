"""Fixtures of the tests on real etcd servers. One that is missing is an error that says what to do, never a skip."""

from __future__ import annotations

import os

import server_binaries

# Before anything is collected: the harness looks there.
os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))
