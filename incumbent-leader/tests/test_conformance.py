"""The elector `leader` passes the conformance suite."""

from incumbent.testing import ElectorConformance

from incumbent_leader.testing import LeaderHarness


class TestLeader(ElectorConformance):
    """Every test of the suite that what `leader` declares calls for."""

    harness = LeaderHarness
