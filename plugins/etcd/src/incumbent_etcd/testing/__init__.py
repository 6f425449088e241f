"""For tests on a real etcd: the harness of the conformance suite, and servers to run it on."""

from __future__ import annotations

from .harness import EtcdHarness
from .server import Etcd, binary

__all__ = ["Etcd", "EtcdHarness", "binary"]
