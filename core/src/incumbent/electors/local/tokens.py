"""The last token, in the lock file: two places, written in turn, so that a torn write leaves the token before."""

from __future__ import annotations

import os

from .record import Record, write

__all__ = ["copies", "put"]

#: The size of a place: a page, so that what is not being written is not on its way to the disk either.
PLACE = 4096


def copies(lock: int) -> list[bytes]:
    """Return what is in each place; nothing, where nothing was ever written."""
    data = os.pread(lock, 2 * PLACE, 0)
    return [data[:PLACE], data[PLACE:]]


def put(lock: int, token: int) -> None:
    """Have *token* on disk before this returns, in the place of the smaller one."""
    first, second = (record.token if record else -1 for record in map(Record.decode, copies(lock)))
    write(lock, Record(token).encode(), at=PLACE if second < first else 0)
    os.fdatasync(lock)
