"""The harness for the conformance suite, and the server that it starts."""

from .harness import ToyHarness

__all__ = ["ToyHarness"]
