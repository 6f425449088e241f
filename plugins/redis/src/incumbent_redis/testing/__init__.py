"""For tests on a real Redis or Valkey: the harness of the conformance suite, and servers to run it on."""

from __future__ import annotations

from .harness import RedisHarness, ValkeyHarness
from .server import Server, binary

__all__ = ["RedisHarness", "Server", "ValkeyHarness", "binary"]
