"""What `incumbent status` shows of an election, or of each of a backend: who leads, what is asked or waited for."""

from __future__ import annotations

import math
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from incumbent.elector import OBSERVER, BackendSettings
from incumbent.engine.notice import Notice, notice_name
from incumbent.engine.steering import Request, control_name
from incumbent.errors import ConfigurationError, ElectionError
from incumbent.observer import TTL, look, observing
from incumbent.registry import open_backend

from ._output import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incumbent.address import Address
    from incumbent.elector import Backend, LeaderRecord

#: Elections that are read at most; seconds that a request may take, of which listing is the longest.
MOST, REQUEST_TIMEOUT = 1000, 10.0
HEADING = ("election", "leader", "token", "since", "candidates", "asked for", "info")


class Seen(NamedTuple):
    """
    What there is of an election.

    Attributes:
        record: Who leads.
        request: What is asked for; None if nothing is, or if that may not be read.
        waits_for: The callback for which the leader, whose term has ended, keeps its claim; None if it does not.
    """

    record: LeaderRecord
    request: Request | None = None
    waits_for: str | None = None


class Overview(NamedTuple):
    """
    What there was.

    Attributes:
        address: Where, in full, if the elector knows more of it than was given.
        elections: What there is of each, by name.
        is_partial: Whether there are more.
    """

    address: Address
    elections: list[Seen]
    is_partial: bool


def read_one(address: Address, name: str) -> tuple[Address | None, Seen]:
    """
    Return the URL in full, if the elector knows more of it than was given; and what there is.

    Raises:
        ElectionError: That cannot be read.
    """
    with observing(address, name) as (backend, observer):
        record, lock_id = look(observer), observer.lock_id
        return backend.address, Seen(record, _request(backend, lock_id), _waits_for(backend, record))


def read_all(address: Address) -> Overview:
    """
    Read all elections that the backend lists, one after the other.

    Raises:
        ElectionError: They cannot be listed, or not be read.
    """
    # Each `NAME.control` and `NAME.notice` is among them.
    with closing(open_backend(address, BackendSettings(TTL, REQUEST_TIMEOUT))) as backend:
        listed = backend.elections(MOST + 1)
        elections = list(_read(backend, sorted(listed)[:MOST]))
        return Overview(backend.address or address, elections, len(listed) > MOST)


def _read(backend: Backend, listed: list[str]) -> Iterator[Seen]:
    there = set(listed)
    for name in sorted({name.removesuffix(notice_name("")).removesuffix(control_name("")) for name in listed}):
        with suppress(ConfigurationError):  # no name of an election: something else is there
            request = _request(backend, name) if control_name(name) in there else None
            if name in there or request is not None:
                with closing(backend.elector(name, OBSERVER)) as observer:
                    record = look(observer)
                yield Seen(record, request, _waits_for(backend, record) if notice_name(name) in there else None)


def _request(backend: Backend, lock_id: str) -> Request | None:
    asks = _leader(backend, control_name(lock_id))
    return None if asks is None else Request.parse(asks)


def _waits_for(backend: Backend, record: LeaderRecord) -> str | None:
    said = None if record.candidate is None else _leader(backend, notice_name(record.lock_id))
    notice = None if said is None else Notice.parse(said)
    return notice.callback if notice is not None and notice.term == record.token else None


def _leader(backend: Backend, name: str) -> str | None:
    """Return whose id is elected there; None if nobody is, or if that may not be read."""
    try:
        with closing(backend.elector(name, OBSERVER)) as observer:
            return look(observer).candidate
    except ElectionError:
        return None


def lines(elections: Iterable[Seen], now: float) -> list[tuple[str, ...]]:
    """Return a line for each, under `HEADING`; what is not known, or not there, is a hyphen."""
    return [
        (seen.record.lock_id, *_cells(seen, now), _asked(seen.request), seen.record.info or "") for seen in elections
    ]


def _cells(seen: Seen, now: float) -> tuple[str, str, str, str]:
    record = seen.record
    ago = math.nan if record.since is None else now - record.since
    return (
        (record.candidate or "nobody") + ("" if seen.waits_for is None else f", waits for {seen.waits_for}"),
        "-" if record.token is None else str(record.token),
        f"{duration(ago)} ago" if 0 <= ago < math.inf else "-",
        "-" if record.candidates is None else str(len(record.candidates)),
    )


def _asked(request: Request | None) -> str:
    return "-" if request is None else request.words
