"""A backend that is closed is gone, whatever it was doing."""

from __future__ import annotations

import etcd_stage as stage
from closing import assert_closing_waits_for_the_renewal


def test_closing_waits_for_a_renewal_that_is_out(name, opened):
    """P8: a keep-alive that waits for an answer ends with its backend, and not some time later."""
    backend = opened(settings=stage.settings(ttl=2.0))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    keepalive = backend.sessions._sessions[0]._lease._keep_alive
    assert_closing_waits_for_the_renewal(backend, elector, keepalive, "incumbent-etcd")
