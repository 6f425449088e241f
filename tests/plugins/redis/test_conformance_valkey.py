"""The elector `redis` passes the conformance suite, on a real server of Valkey."""

from __future__ import annotations

import pytest

from incumbent.testing import ElectorConformance
from incumbent_redis.testing import ValkeyHarness


@pytest.mark.thorough
class TestValkey(ElectorConformance):
    """Every test of the suite, on a server of its own."""

    harness = ValkeyHarness
