"""A backend that is closed is gone, whatever it was doing."""

from __future__ import annotations

import threading

import consul_stage as stage
from closing import assert_closing_waits_for_the_renewal, assert_none_is_left


def test_closing_waits_for_a_renewal_that_is_out(name, opened):
    """P8: a keep-alive that waits for an answer ends with its backend, and not some time later."""
    backend = opened(settings=stage.SHORT)
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    keepalive = backend.sessions._sessions[0].keep_alive
    assert_closing_waits_for_the_renewal(backend, elector, keepalive, "incumbent-consul")


def test_closing_waits_for_a_watch_that_is_about_to_end(name, opened):
    """P8: the last candidate's leaving ends the watch; its thread, which a busy machine may put off, has ended too."""
    backend = opened()
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    watcher = elector._watcher
    connection = stage.eventually(lambda: watcher._query and watcher._query.connection)
    go_on = threading.Event()

    def close():
        assert watcher._thread is not None or go_on.wait(stage.PATIENCE)  # it closes after its last query, too
        type(connection).close(connection)

    connection.close = close
    elector.close()
    stage.eventually(lambda: watcher._thread is None)
    threading.Timer(0.2, go_on.set).start()
    backend.close()
    assert_none_is_left("incumbent-consul")
