"""The electors `consul` and `consul+check` pass the conformance suite, on real servers."""

from __future__ import annotations

from incumbent.testing import ElectorConformance
from incumbent_consul.testing import CheckHarness, ConsulHarness


class TestConsul(ElectorConformance):
    """Every test of the suite that what `consul` declares calls for."""

    harness = ConsulHarness


class TestConsulCheck(ElectorConformance):
    """Every test of the suite that what `consul+check` declares calls for."""

    harness = CheckHarness
