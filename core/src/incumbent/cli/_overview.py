"""What `incumbent status` shows: who leads an election, or each election of a backend, and what is asked for."""

from __future__ import annotations

import math
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from incumbent.elector import OBSERVER, BackendSettings
from incumbent.engine.steering import control_name
from incumbent.errors import ConfigurationError
from incumbent.observer import TTL, look, observing
from incumbent.registry import open_backend
from incumbent.steer import read_request

from ._output import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incumbent.address import Address
    from incumbent.elector import Backend, LeaderRecord
    from incumbent.engine.steering import Request

#: Elections that are read at most; seconds that a request may take, of which listing is the longest.
MOST, REQUEST_TIMEOUT = 1000, 10.0
HEADING = ("election", "leader", "token", "since", "candidates", "asked for", "info")


class Overview(NamedTuple):
    """
    What there was.

    Attributes:
        address: Where, in full, if the elector knows more of it than was given.
        elections: Who leads each, and what is asked of it, by name.
        is_partial: Whether there are more.
    """

    address: Address
    elections: list[tuple[LeaderRecord, Request | None]]
    is_partial: bool


def read_one(address: Address, name: str) -> tuple[Address | None, LeaderRecord, Request | None]:
    """
    Return the URL in full, if the elector knows more of it than was given; who leads; and what is asked for.

    Raises:
        ElectionError: That cannot be read.
    """
    with observing(address, name) as (backend, observer):
        return backend.address, look(observer), read_request(backend, observer.lock_id)


def read_all(address: Address) -> Overview:
    """
    Read all elections that the backend lists, one after the other.

    Raises:
        ElectionError: They cannot be listed, or not be read.
    """
    # Each `NAME.control` is among them.
    with closing(open_backend(address, BackendSettings(TTL, REQUEST_TIMEOUT))) as backend:
        listed = backend.elections(MOST + 1)
        elections = list(_read(backend, sorted(listed)[:MOST]))
        return Overview(backend.address or address, elections, len(listed) > MOST)


def _read(backend: Backend, listed: list[str]) -> Iterator[tuple[LeaderRecord, Request | None]]:
    suffix = control_name("")
    there = set(listed)
    for name in sorted({name.removesuffix(suffix) for name in listed}):
        with suppress(ConfigurationError):  # no name of an election: something else is there
            request = read_request(backend, name) if control_name(name) in there else None
            if name in there or request is not None:
                observer = backend.elector(name, OBSERVER)
                with closing(observer):
                    yield look(observer), request


def lines(elections: Iterable[tuple[LeaderRecord, Request | None]], now: float) -> list[tuple[str, ...]]:
    """Return a line for each, under `HEADING`; what is not known, or not there, is a hyphen."""
    return [(record.lock_id, *_cells(record, now), _asked(request), record.info or "") for record, request in elections]


def _cells(record: LeaderRecord, now: float) -> tuple[str, str, str, str]:
    ago = math.nan if record.since is None else now - record.since
    return (
        record.candidate or "nobody",
        "-" if record.token is None else str(record.token),
        f"{duration(ago)} ago" if 0 <= ago < math.inf else "-",
        "-" if record.candidates is None else str(len(record.candidates)),
    )


def _asked(request: Request | None) -> str:
    return "-" if request is None else request.words
