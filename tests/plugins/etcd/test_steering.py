"""Requests of operators, on a real etcd."""

from steered import Steered


class TestSteering(Steered):
    """As on every elector."""
