"""A beat store on whatever keeps a few bytes under a name, and replaces them if their version is still the same."""

from __future__ import annotations

import json
import time
import uuid
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from incumbent.errors import BackendRejectedError, BackendUnavailableError

from .beat import BeatStore, Held, Record

__all__ = ["CompareAndSetStore"]

#: Bytes: what is longer was not written by us.
LONGEST = 65536
#: How often it is compared and set within a call, should a late request of our own have come between.
TRIES = 2


class CompareAndSetStore(BeatStore):
    """
    A `BeatStore` that needs two operations of its own, `get` and `put`, as S3, NATS and Kubernetes have them.

    What it keeps of an election is JSON, and stays when nobody leads, for the sake of the last token. Thread-safe.

    Args:
        ttl: Of the backend's claims, seconds.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl

    @abstractmethod
    def get(self, lock_id: str) -> tuple[bytes, str] | None:
        """
        Return what is kept of an election, and its version; None if there is nothing.

        Raises:
            BackendUnavailableError: Nothing is known.
            BackendRejectedError: Asking again cannot help.
        """

    @abstractmethod
    def put(self, lock_id: str, content: bytes, version: str | None) -> bool:
        """
        Replace what is kept if it still has *version*, or, with None, if there is nothing: in one atomic step.

        Returns:
            Whether it did.

        Raises:
            BackendUnavailableError: It may have done so, or may do so yet.
            BackendRejectedError: Asking again cannot help.
        """

    def draw(self) -> int:
        """
        Return a number that is larger than all before, on any host: a token, unless the last one is larger still.

        By default the microseconds of the wall clock. It matters when somebody has deleted what is kept of an
        election: a store that can count should do so.
        """
        return int(time.time() * 1e6)

    # ------------------------------------------------------------ what the electors ask

    def read(self, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        """See `BeatStore.read`."""
        found = {lock_id: self._there(lock_id)[0] for lock_id in lock_ids}
        return {lock_id: record for lock_id, record in found.items() if record is not None and record.owner}

    def claim(self, lock_id: str, owner: str, candidate: str, silent: Record | None) -> Record | None:
        """See `BeatStore.claim`."""
        there, version = self._there(lock_id)
        if there is not None and there.owner not in ("", owner) and (silent is None or there.beat != silent.beat):
            return there
        # Also for what an attempt without an answer has left: it may have come after others, who were deleted (P4).
        token = max(1 + (0 if there is None else there.token), self.draw())
        mine = Record(owner, "", self._ttl, token, candidate, since=time.time())
        return mine if self._put(lock_id, mine, version) else None

    def renew(self, held: Sequence[Held]) -> Collection[Held]:
        """See `BeatStore.renew`."""
        return [one for one in held if self._change(one.lock_id, one.owner, is_kept=True)]

    def release(self, lock_id: str, owner: str) -> bool:
        """See `BeatStore.release`."""
        return self._change(lock_id, owner, is_kept=False)

    # ------------------------------------------------------------ inside

    def _change(self, lock_id: str, owner: str, *, is_kept: bool) -> bool:
        """Give the record another beat, or make it nobody's, if it is that one."""
        for _ in range(TRIES):
            there, version = self._there(lock_id)
            if there is None or there.owner != owner:
                return False
            if self._put(lock_id, there if is_kept else replace(there, owner=""), version):
                return True
        raise BackendUnavailableError(f"election {lock_id!a:.60} changes again and again")

    def _there(self, lock_id: str) -> tuple[Record | None, str | None]:
        found = self.get(lock_id)
        if found is None:
            return None, None
        content, version = found
        try:
            return _record(content), version
        except (ValueError, TypeError, KeyError, RecursionError):
            raise BackendRejectedError(f"under the name of election {lock_id!a:.60} is something else") from None

    def _put(self, lock_id: str, record: Record, version: str | None) -> bool:
        fields = {name: getattr(record, name) for name in ("owner", "candidate", "token", "ttl", "since")}
        # A beat that never comes again, also on a store that comes back with older data.
        content = {**fields, "beat": uuid.uuid4().hex, "renewed": time.time()}
        return self.put(lock_id, json.dumps(content).encode(), version)


def _record(content: bytes) -> Record:
    """Read what `_put` has written. Raises whatever something else deserves."""
    if len(content) > LONGEST:
        raise ValueError
    fields: dict[str, Any] = json.loads(content)
    owner, candidate, beat, token = (fields[name] for name in ("owner", "candidate", "beat", "token"))
    ttl, since, renewed = (float(fields[name]) for name in ("ttl", "since", "renewed"))
    if not all(isinstance(text, str) for text in (owner, candidate, beat)) or type(token) is not int or token < 1:
        raise ValueError
    if not (isfinite(ttl) and ttl > 0 and isfinite(since) and isfinite(renewed)):
        raise ValueError
    return Record(owner, beat, ttl, token, candidate, since, is_fresh=abs(time.time() - renewed) <= ttl)
