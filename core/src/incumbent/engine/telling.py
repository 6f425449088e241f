"""Tells the observers of one candidate what happens to it, in order, on a thread that no election waits for."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from incumbent.instrumentation import WELL, ElectionObserver, LoggingObserver, Told

from .workers import Executor

__all__ = ["Teller"]

_log = logging.getLogger("incumbent")
_LOG = LoggingObserver()


class Teller:
    """Thread-safe: what one thread tells is heard in that order."""

    def __init__(self, election: str, candidate: str, observer: ElectionObserver | None) -> None:
        self._election = election
        self._candidate = candidate
        self._observer = observer
        self._failed: set[str] = set()
        self._executor: Executor

    def attach(self, executor: Executor) -> None:
        """Say where the observers are called: on one thread."""
        self._executor = executor

    @property
    def is_observed(self) -> bool:
        """Whether there is anybody but the log, which does not care for everything."""
        return self._observer is not None

    def tell(self, kind: Callable[..., Told], **values: Any) -> None:
        """Have the observers' method for events of that *kind* called. Never raises."""
        if self._observer is None and kind in WELL and not _log.isEnabledFor(logging.INFO):
            return  # no thread has to be woken for what nobody hears
        event = kind(election=self._election, candidate=self._candidate, **values)
        method = _method(type(event).__name__)

        def job() -> None:
            with suppress(Exception):  # the handlers and filters are the application's
                getattr(_LOG, method)(event)
            if self._observer is not None:
                try:
                    getattr(self._observer, method)(event)
                except Exception as error:
                    self._complain(method, error)

        self._executor.submit(job)

    def warn(self, text: str, *values: object) -> None:
        """Have the log alone say what is no event. Never raises."""
        self._executor.submit(lambda: self._say(text, *values))

    def _complain(self, method: str, error: Exception) -> None:
        if method not in self._failed:
            self._failed.add(method)
            self._say("the observer's %s() raised %s: %s", method, type(error).__name__, error)

    def _say(self, text: str, *values: object) -> None:
        facts = {"election": self._election, "candidate": self._candidate, "token": None, "reason": None}
        with suppress(Exception):
            _log.warning(f"<%s of %s>: {text}", self._candidate, self._election, *values, extra=facts)


@cache
def _method(kind: str) -> str:
    """Return `handed_over` for `HandedOver`."""
    return re.sub(r"(?<=.)(?=[A-Z])", "_", kind).lower()
