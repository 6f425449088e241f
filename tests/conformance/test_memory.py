"""The elector `memory` passes the conformance suite."""

from incumbent.testing import ElectorConformance, MemoryHarness


class TestMemory(ElectorConformance):
    """Every test of the suite that what `memory` declares calls for, on a fake clock."""

    harness = MemoryHarness
