"""What every backend that renews on a thread of its own survives: being closed amid a renewal."""

from __future__ import annotations

import threading

from patience import PATIENCE

from incumbent import Backend, BackendUnavailableError, LeaderElector
from incumbent.toolkit.keepalive import KeepAlive


def assert_closing_waits_for_the_renewal(
    backend: Backend, elector: LeaderElector, keepalive: KeepAlive, threads: str
) -> None:
    """Close both while *keepalive* waits for an answer that fails a little later; no thread named so is left."""
    out, answer = threading.Event(), threading.Event()

    def renew() -> None:
        out.set()
        assert answer.wait(PATIENCE)
        raise BackendUnavailableError("the connection was closed")

    keepalive._renew = renew
    assert out.wait(PATIENCE)
    elector.close()
    threading.Timer(0.2, answer.set).start()
    backend.close()
    assert_none_is_left(threads)


def assert_none_is_left(threads: str) -> None:
    """No thread whose name begins so runs any more."""
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(threads)] == []
