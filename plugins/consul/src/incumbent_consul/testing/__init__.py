"""For tests on a real Consul: the harness of the conformance suite, and servers to run it on."""

from __future__ import annotations

from .harness import CheckHarness, ConsulHarness
from .server import ConsulServer, consul_program, consul_version

__all__ = ["CheckHarness", "ConsulHarness", "ConsulServer", "consul_program", "consul_version"]
