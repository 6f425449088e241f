"""What the files of an election say, as one line with a checksum: a torn one is not taken for an older one."""

from __future__ import annotations

import errno
import json
import os
import zlib
from dataclasses import dataclass
from math import isfinite

__all__ = ["Record", "overwrite"]


@dataclass(frozen=True)
class Record:
    """What the files say of an election."""

    token: int
    candidate: str | None = None
    since: float | None = None

    def encode(self) -> bytes:
        """Return the record as one line of JSON that ends in its checksum."""
        body = json.dumps([self.token, self.candidate, self.since])
        return f"{body} {zlib.crc32(body.encode()):08x}\n".encode()

    @classmethod
    def decode(cls, data: bytes) -> Record | None:
        """Return the record, or None if *data* is torn or was never one. What follows its line is of an older one."""
        try:
            body, checksum = data.partition(b"\n")[0].decode("ascii").rsplit(" ", 1)
            if int(checksum, 16) != zlib.crc32(body.encode()):
                return None
            token, candidate, since = json.loads(body)
        except (ValueError, TypeError, RecursionError):
            return None
        if type(token) is not int or token < 0 or not isinstance(candidate, str | None):
            return None
        return cls(token, candidate, since if type(since) is float and isfinite(since) else None)


def overwrite(descriptor: int, data: bytes, *, durable: bool) -> None:
    """Make *data* all that the file holds, on disk before this returns if it is to be *durable*."""
    if os.pwrite(descriptor, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # what a short write means
    os.ftruncate(descriptor, len(data))
    if durable:
        os.fsync(descriptor)
