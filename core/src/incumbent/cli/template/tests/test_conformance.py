"""The elector `toy` passes the conformance suite."""

from incumbent.testing import ElectorConformance

from incumbent_toy.testing import ToyHarness


class TestToy(ElectorConformance):
    """Every test of the suite that what `toy` declares calls for."""

    harness = ToyHarness
