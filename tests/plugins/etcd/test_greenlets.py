"""Elections on etcd in a process whose threads are gevent's greenlets, which gRPC has to be told."""

from __future__ import annotations

from typing import ClassVar

import pytest
from forking import run
from greenlets import Greenlets

INIT = """
    import grpc.experimental.gevent
    grpc.experimental.gevent.init_gevent()
    """


class TestGreenlets(Greenlets):
    """What every elector does, once gRPC has been told."""

    prepare: ClassVar[str] = INIT


@pytest.mark.parametrize("threads", ["greenlets", "threads"])
def test_greenlets_that_grpc_does_not_know_of_are_refused(threads):
    """Every greenlet would be stopped: one line says so, and what to do. With real threads nothing has to be done."""
    program = """
        import sys
        from gevent import monkey
        monkey.patch_all(thread=sys.argv[1] == "greenlets")
        from incumbent import BackendSettings, ConfigurationError, open_backend
        def message():
            try:
                open_backend("etcd://127.0.0.1:1", BackendSettings(15.0, 2.0)).close()
            except ConfigurationError as error:
                return error
        print(message())
        import grpc
        print(message())
    """
    refusal = (
        "etcd: gRPC would stop every greenlet of gevent: call grpc.experimental.gevent.init_gevent() right after "
        "gevent.monkey.patch_all(), or run the election in a process of its own (incumbent run)"
    )
    said = refusal if threads == "greenlets" else "None"
    assert run(program, threads).splitlines() == [said, said]
