"""Requests of operators, on a real Redis."""

from steered import Steered


class TestSteering(Steered):
    """As on every elector."""
