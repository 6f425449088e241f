"""Watching an election without being a candidate of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from .address import Address
from .config import LeaderElectionConfig
from .elector import OBSERVER, Backend, BackendSettings, LeaderElector, LeaderRecord
from .errors import BackendUnavailableError, InvalidStateError
from .registry import open_backend

__all__ = ["observe", "read_leader"]

_log = logging.getLogger("incumbent")

#: What a backend is told; no claim is made for it, seconds.
TTL = 15.0
#: Seconds between two looks where the backend does not push, and the safety net where it does.
POLL_INTERVAL, SLOW_POLL_INTERVAL = 1.0, 15.0


def read_leader(elector: str | Address, name: str | int, *, request_timeout: float = 2.0) -> LeaderRecord:
    """
    Ask once who leads.

    Args:
        elector: A URL, or the bare name of an elector.
        name: The election's lock id.
        request_timeout: Seconds that a request may take.

    Raises:
        ConfigurationError: The URL or the name is wrong.
        BackendUnavailableError: Nothing is known.
        BackendRejectedError: The backend refuses for good.
        InvalidStateError: This elector cannot observe; says why.
    """
    with observing(elector, name, request_timeout) as (_, observer):
        return look(observer)


def observe(
    elector: str | Address,
    name: str | int,
    *,
    request_timeout: float = 2.0,
    stop: threading.Event | None = None,
) -> Generator[LeaderRecord, None, None]:
    """
    Yield who leads now, and then again after every change, until *stop* is set.

    An outage of the backend is waited out, and logged once. Two changes in quick succession may be
    seen as one. Leaving the loop, or closing the iterator, frees everything.

    Args:
        elector: A URL, or the bare name of an elector.
        name: The election's lock id.
        request_timeout: Seconds that a request may take.
        stop: Ends the iteration when set, within a second.

    Raises:
        ConfigurationError: The URL or the name is wrong.
        BackendRejectedError: The backend refuses for good.
        InvalidStateError: This elector cannot observe; says why.
    """
    last: LeaderRecord | None = None
    with closing(sights(elector, name, request_timeout=request_timeout, stop=stop)) as seen:
        for each in seen:
            if isinstance(each, BackendUnavailableError):
                _log.warning("observing %s: the backend fails, retrying: %s", name, each)
            elif each != last:
                last = each
                yield each


def sights(
    elector: str | Address, name: str | int, *, request_timeout: float = 2.0, stop: threading.Event | None = None
) -> Generator[LeaderRecord | BackendUnavailableError, None, None]:
    """Yield what `observe` does; when an outage begins, its error; and when it has ended, the record again."""
    stop = stop or threading.Event()
    with observing(elector, name, request_timeout) as (_, observer):
        changed = threading.Event()
        observer.notify = changed.set
        interval = SLOW_POLL_INTERVAL if observer.capabilities.push else POLL_INTERVAL
        last: LeaderRecord | BackendUnavailableError | None = None
        while not stop.is_set():
            changed.clear()
            try:
                record = look(observer)
            except BackendUnavailableError as error:
                if not isinstance(last, BackendUnavailableError):
                    last = error
                    yield error
                _pause(changed, stop, POLL_INTERVAL)
                continue
            if record != last:
                last = record
                yield record
            _pause(changed, stop, interval)


def _pause(changed: threading.Event, stop: threading.Event, seconds: float) -> None:
    """Wait for a change, a second at a time so that *stop* is noticed."""
    while seconds > 0.0 and not stop.is_set() and not changed.wait(min(seconds, 1.0)):
        seconds -= 1.0


def look(observer: LeaderElector) -> LeaderRecord:
    """Read who leads. Whether candidates are known is what the elector declares."""
    record = observer.observe_leadership()
    return replace(record, candidates=(record.candidates or ()) if observer.capabilities.candidates else None)


@contextmanager
def observing(
    elector: str | Address, name: str | int, request_timeout: float = 2.0
) -> Iterator[tuple[Backend, LeaderElector]]:
    # Nothing is claimed: a leader's relations of times are none of an observer's.
    config = LeaderElectionConfig(name, ttl=max(TTL, 10 * request_timeout), request_timeout=request_timeout)
    backend = open_backend(elector, BackendSettings(TTL, config.request_timeout))
    try:
        if not backend.capabilities.observe:
            raise InvalidStateError(f"this elector cannot observe: {backend.capabilities.observe.detail}")
        observer = backend.elector(config.name, OBSERVER)
        try:
            yield backend, observer
        finally:
            observer.close()
    finally:
        backend.close()
