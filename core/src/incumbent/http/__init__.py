"""An election over HTTP: for load balancers, probes of containers, Prometheus, and people with a browser."""

from __future__ import annotations

import logging
from types import TracebackType

from incumbent.aio import AsyncLeaderElection
from incumbent.election import LeaderElection

from ._answers import Answers
from ._history import History
from ._server import Server

__all__ = ["ElectionServer", "serve"]

_log = logging.getLogger("incumbent")


class ElectionServer:
    """
    What `serve` has started; ends with its `with` block, or by `close`. Thread-safe.

    Attributes:
        url: Where it answers, such as `http://127.0.0.1:8080`.
    """

    def __init__(self, server: Server, history: History) -> None:
        self._server = server
        self._history = history
        self.url = server.url

    def __enter__(self) -> ElectionServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer nothing any more, and free everything. Idempotent."""
        self._server.close()
        self._history.close()


def serve(election: LeaderElection | AsyncLeaderElection, *, host: str = "127.0.0.1", port: int = 0) -> ElectionServer:
    """
    Answer questions about *election* over HTTP, until the result is closed.

    `/leader` is 200 while this candidate leads by the clock at that moment (P2), else 503. `/live` is 503 when the
    engine is stuck or the election has failed for good, `/ready` until the backend has answered: neither depends on
    leading. `/metrics` shows what `incumbent.prometheus` has registered, and `/` is a page for people. Only GET and
    HEAD are answered, and nobody is asked who they are: whoever reaches the port sees who leads.

    Args:
        election: The election, started or not.
        host: The address to listen on; on this machine only if nothing else is said.
        port: The port; 0 takes a free one, which `url` of the result tells.

    Raises:
        ConfigurationError: The address cannot be listened on; says why.
    """
    history = History(election.address, election.config.name)
    server = Server(Answers(election, history).answer, host, port)
    server.start()
    history.start()
    facts = {"election": election.config.name, "candidate": election.candidate, "token": None, "reason": None}
    _log.info("<%s of %s>: answering at %s", election.candidate, election.config.name, server.url, extra=facts)
    return ElectionServer(server, history)
