"""The elector `consul+check` passes the conformance suite, on real servers."""

from __future__ import annotations

from incumbent.testing import ElectorConformance
from incumbent_consul.testing import CheckHarness


class TestConsulCheck(ElectorConformance):
    """Every test of the suite that what `consul+check` declares calls for."""

    harness = CheckHarness
