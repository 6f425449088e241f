"""Requests of operators, on a real Consul."""

from steered import Steered


class TestSteering(Steered):
    """As on every elector."""
