"""A backend that is closed is gone, whatever it was doing."""

from __future__ import annotations

import threading

import etcd_stage as stage

from incumbent import BackendUnavailableError


def test_closing_waits_for_a_renewal_that_is_out(name, opened):
    """P8: a keep-alive that waits for an answer ends with its backend, and not some time later."""
    backend = opened(settings=stage.settings(ttl=2.0))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    keepalive = backend.sessions._sessions[0]._lease._keep_alive
    out, answer = threading.Event(), threading.Event()

    def renew():
        out.set()
        assert answer.wait(stage.PATIENCE)
        raise BackendUnavailableError("the connection was closed")

    keepalive._renew = renew
    assert out.wait(stage.PATIENCE)
    elector.close()
    threading.Timer(0.2, answer.set).start()
    backend.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("incumbent-etcd")] == []
