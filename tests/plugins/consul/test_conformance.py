"""The elector `consul` passes the conformance suite, on real servers."""

from __future__ import annotations

from incumbent.testing import ElectorConformance
from incumbent_consul.testing import ConsulHarness


class TestConsul(ElectorConformance):
    """Every test of the suite that what `consul` declares calls for."""

    harness = ConsulHarness
