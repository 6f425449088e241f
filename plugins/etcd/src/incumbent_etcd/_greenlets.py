"""gRPC among gevent's greenlets: it is used if it knows of them, and refused if it does not."""

from __future__ import annotations

import sys

from incumbent import ConfigurationError

__all__ = ["check_grpc"]


def check_grpc() -> None:
    """
    Return if gRPC lets other threads of this process run while it waits. Does not import it.

    Raises:
        ConfigurationError: The threads are gevent's, and gRPC has not been told; says how.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return
    grpc = sys.modules.get("grpc._cython.cygrpc")
    if grpc is None or not getattr(grpc, "g_gevent_activated", True):  # if another release hides it, it is believed
        raise ConfigurationError(
            "etcd: gRPC would stop every greenlet of gevent: call grpc.experimental.gevent.init_gevent() right after "
            "gevent.monkey.patch_all(), or run the election in a process of its own (incumbent run)"
        )
