"""Fixtures of the core's tests."""

import pytest
from hypothesis import settings
from stage import Stage

# A slow, shared machine is no failure: examples have no deadline.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def stage() -> Stage:
    return Stage()
