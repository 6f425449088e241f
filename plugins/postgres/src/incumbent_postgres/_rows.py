"""What the tables say: their rows, read, and refused where somebody has written what no elector writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from ._connection import Row
from ._errors import senseless

__all__ = ["Entry", "claims", "entries"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `election` with its session, as it was read."""

    lock_id: str
    claim: str
    token: int
    candidate: str
    since: float
    session: str
    beat: str
    ttl: float
    #: Whether it was renewed within its ttl, by the server's clock: for display.
    is_fresh: bool
    #: The run of the server that showed it.
    server: str


def entries(rows: Iterable[Row]) -> dict[str, Entry]:
    """
    Read the answer to `Layout.look`.

    Raises:
        BackendUnavailableError: Somebody has written what no elector writes.
    """
    return {entry.lock_id: entry for entry in map(_entry, rows)}


def claims(rows: Iterable[Row]) -> dict[str, tuple[str, int]]:
    """Read the answer to `Layout.renew`: claim and token by election."""
    try:
        return {str(lock_id): (str(claim), int(str(token))) for lock_id, claim, token in rows}
    except ValueError:
        raise senseless("token") from None


def _entry(row: Row) -> Entry:
    try:
        lock_id, claim, token, candidate, since, session, beat, ttl, is_fresh, server = map(str, row)
        entry = Entry(
            lock_id, claim, int(token), candidate, float(since), session, beat, float(ttl), is_fresh == "t", server
        )
    except ValueError:
        raise senseless("a number") from None
    if not (isfinite(entry.ttl) and entry.ttl > 0):
        raise senseless("ttl")
    return entry
