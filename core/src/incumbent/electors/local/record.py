"""
What the files of an election say, as one line with a checksum: a torn one is not taken for an older one.

What the leader tells of itself has a second line, with the token of the first. Who does not know of it reads only one.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from dataclasses import dataclass
from math import isfinite
from typing import Any

__all__ = ["Record", "write"]


@dataclass(frozen=True)
class Record:
    """What the files say of an election."""

    token: int
    candidate: str | None = None
    since: float | None = None
    info: str | None = None

    def encode(self) -> bytes:
        """Return the record as lines of JSON, each of which ends in its checksum."""
        lines = _line([self.token, self.candidate, self.since])
        return lines if self.info is None else lines + _line([self.token, self.info])

    @classmethod
    def decode(cls, data: bytes) -> Record | None:
        """Return the record, or None if *data* is torn or was never one. What follows its lines is of an older one."""
        first, _, rest = data.partition(b"\n")
        try:
            token, candidate, since = _content(first)
        except (ValueError, TypeError, RecursionError):
            return None
        if type(token) is not int or token < 0 or not isinstance(candidate, str | None):
            return None
        info = _info(rest.partition(b"\n")[0], token)
        return cls(token, candidate, since if type(since) is float and isfinite(since) else None, info)


def _line(content: list[object]) -> bytes:
    body = json.dumps(content)
    return f"{body} {zlib.crc32(body.encode()):08x}\n".encode()


def _content(line: bytes) -> Any:
    """Return what a line says. Raises whatever one deserves that is torn, or was never one."""
    body, checksum = line.decode("ascii").rsplit(" ", 1)
    if int(checksum, 16) != zlib.crc32(body.encode()):
        raise ValueError
    return json.loads(body)


def _info(line: bytes, token: int) -> str | None:
    """Return what the second line says, if it is that of the leader with this token."""
    try:
        of, info = _content(line)
    except (ValueError, TypeError, RecursionError):
        return None
    return info if of == token and isinstance(info, str) else None


def write(descriptor: int, data: bytes, *, at: int) -> None:
    """Put all of *data* into the file, *at* that many bytes from its beginning."""
    if os.pwrite(descriptor, data, at) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # what a short write means
