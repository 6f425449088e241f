"""What each path answers, from what is so at that moment."""

from __future__ import annotations

import sys
import time
from http import HTTPStatus

from incumbent.address import printable
from incumbent.aio import AsyncLeaderElection
from incumbent.election import LeaderElection
from incumbent.state import State

from ._history import History
from ._page import page
from ._server import Answer

__all__ = ["Answers"]

#: Seconds for which the engine may not go round before a probe should restart the process: it does so every second.
STUCK = 10.0


class Answers:
    """The answers about one election."""

    def __init__(self, election: LeaderElection | AsyncLeaderElection, history: History) -> None:
        self._election = election
        self._history = history

    def answer(self, path: str) -> Answer:
        """Return the answer for *path*."""
        known = {
            "/": self._page,
            "/leader": self._leader,
            "/live": self._live,
            "/ready": self._ready,
            "/metrics": self._metrics,
        }
        if path not in known:
            return Answer(HTTPStatus.NOT_FOUND, f"there are {', '.join(known)}\n")
        return known[path]()

    def _leader(self) -> Answer:
        term = self._election.term
        if term is None:
            seen = self._history.record
            info = None if seen is None or seen.candidate == self._election.candidate else seen.info
            situation = self._election.situation
            why = "" if situation.callback is None else f": {situation}"
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"this candidate does not lead{why}\n{_line(info)}")
        leader = self._election.situation.leader
        info = None if leader is None else leader.info
        return Answer(HTTPStatus.OK, f"this candidate leads, token {term.token}\n{_line(info)}")

    def _live(self) -> Answer:
        situation = self._election.situation
        if situation.stalled > STUCK:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"the engine is stuck for {situation.stalled:.0f} s\n")
        if not situation.campaigns and situation.error is not None:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{situation}\n")
        return Answer(HTTPStatus.OK, "alive\n")

    def _ready(self) -> Answer:
        situation = self._election.situation
        if not situation.campaigns or situation.state is State.BOOTSTRAP:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{situation}\n")
        return Answer(HTTPStatus.OK, "ready\n")

    def _metrics(self) -> Answer:
        if "incumbent.prometheus" not in sys.modules:
            words = "install incumbent[prometheus], and in a program make an incumbent.prometheus.PrometheusObserver"
            return Answer(HTTPStatus.NOT_FOUND, f"there are no metrics: {words}\n")
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415 - an extra

        return Answer(HTTPStatus.OK, generate_latest().decode(), CONTENT_TYPE_LATEST)

    def _page(self) -> Answer:
        return Answer(HTTPStatus.OK, page(self._election, self._history, time.time()), "text/html; charset=utf-8")


def _line(info: str | None) -> str:
    """Return what the leader tells of itself as a second line, which may be from others."""
    return "" if info is None else f"{printable(info)}\n"
