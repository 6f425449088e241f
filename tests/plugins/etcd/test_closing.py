"""A backend that is closed is gone, whatever it was doing; and so is a lease that is replaced."""

from __future__ import annotations

import threading

import etcd_stage as stage
from closing import assert_closing_waits_for_the_renewal


def test_closing_waits_for_a_renewal_that_is_out(name, opened):
    """P8: a keep-alive that waits for an answer ends with its backend, and not some time later."""
    backend = opened(settings=stage.settings(ttl=2.0))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    keepalive = backend.sessions._sessions[0]._lease._keep_alive
    assert_closing_waits_for_the_renewal(backend, elector, keepalive, "incumbent-etcd")


def test_lease_that_is_replaced_leaves_no_thread(server, name, opened):
    """P8: Once a dead lease has been replaced, nobody thinks of renewing it, however long its ttl was."""
    backend = opened(settings=stage.settings(ttl=3600.0))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    assert elector.relinquish_leadership() is True
    stage.revoke(server, f"{backend.sessions._sessions[0]._lease.id:x}")
    assert elector.acquire_leadership() is not None
    stage.eventually(lambda: len([one for one in threading.enumerate() if one.name == "incumbent-etcd-keepalive"]) == 1)
