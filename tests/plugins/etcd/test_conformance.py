"""The elector `etcd` passes the conformance suite, on a real server."""

from __future__ import annotations

from incumbent.testing import ElectorConformance
from incumbent_etcd.testing import EtcdHarness


class TestEtcd(ElectorConformance):
    """Every test of the suite, on a server of its own."""

    harness = EtcdHarness
