"""The elector `redis` passes the conformance suite, on real servers of Redis and of Valkey."""

from __future__ import annotations

from incumbent.testing import ElectorConformance
from incumbent_redis.testing import RedisHarness, ValkeyHarness


class TestRedis(ElectorConformance):
    """Every test of the suite, on a server of its own."""

    harness = RedisHarness


class TestValkey(ElectorConformance):
    """The same on Valkey."""

    harness = ValkeyHarness
