"""A process that runs tests of the suite: a line of its stdin names one, and lines of its stdout tell of it."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TextIO

import pytest

from incumbent import ElectionError

from .bounded import LAST
from .collecting import Conformance
from .facts import Redacted
from .harness import harness_for
from .outcome import Outcome
from .session import session

__all__ = ["main"]


class Obedient:
    """Replaces pytest's own loop over the tests."""

    def __init__(self, orders: Iterator[str]) -> None:
        self._orders = orders

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run each test that is asked for, until stdin ends."""
        items = {getattr(item, "originalname", item.name): item for item in session.items}
        for order in self._orders:
            item = items[order.strip()]
            # pytest tears down what the next test does not need: any other of the class keeps the harness open.
            another = next(other for other in session.items if other is not item)
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=another)
            if session.shouldstop:
                break
        return True


class Teller:
    """Writes what has happened, one JSON document on a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.conformance = Conformance(self.ended)
        self._told_of_the_store = False

    def ended(self, outcome: Outcome) -> None:
        """Tell what came of a test."""
        if not self._told_of_the_store:
            self._told_of_the_store = True
            (run,) = self.conformance.runs
            self.tell({"store": [asdict(finding) for finding in run.store]})
        self.tell({"ended": asdict(outcome)})

    def tell(self, news: dict[str, Any]) -> None:
        """Write *news*."""
        with suppress(BrokenPipeError):  # the run was killed: stdin has ended as well, and this process is about to
            self._out.write(json.dumps(news) + "\n")
            self._out.flush()


def main() -> None:
    """Do what stdin says: its first line names the store, each that follows a test."""
    # A run in the background of a script ignores SIGINT, and hands that on. This session has no terminal: what arrives
    # here was sent by the crew, which then waits for the end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Whatever a client library prints or reads must not mix with what is told here.
    orders, out = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    first = orders.readline()
    if not first:  # the run has been interrupted meanwhile
        return
    url = json.loads(first)
    teller = Teller(out)
    try:
        teller.tell({"ready": True})  # from here on an interrupt is a clean end
        session(harness_for(url), teller.conformance, Obedient(iter(orders)))
    except ElectionError as error:
        teller.tell({"failed": type(error).__name__, "text": str(error)})
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # what the harness raises when it closes, for example
        text = Redacted(url)(f"the suite cannot go on: {type(error).__name__}: {error}")
        teller.tell({"failed": "ConfigurationError", "text": text})
    finally:
        faulthandler.dump_traceback_later(LAST, exit=True)  # what an elector has left may keep Python from ending
