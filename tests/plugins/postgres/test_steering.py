"""Requests of operators, on a real PostgreSQL."""

from steered import Steered


class TestSteering(Steered):
    """As on every elector."""
