"""
How an election lies in etcd: the layout of etcd's own `concurrency.Election`, so `etcdctl elect` takes part.

A candidate is a key `<prefix><lock id>/<lease id in hex>`, attached to its lease. The value is its id, with what it
tells of itself on a second line. The lowest create revision leads, and is the token: revisions only grow, over
deletions and restarts (P4). Since when a term lasts is told beside the election, in a key that other tools do not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._errors import senseless

__all__ = ["Election", "Entry", "Standing", "elections_of", "keys_below", "names_of", "term_of", "testament_of"]

#: Keys ahead of ours that are read at once: the nearest is enough unless other elections lie below this one.
LOOK_AHEAD = 8
#: Keys that are read at once where elections are listed.
PAGE = 5000
CREATE_DESCENDING = {"sort_order": 2, "sort_target": 2}
CREATE_ASCENDING = {"sort_order": 1, "sort_target": 2}
#: A revision, and when the term that has it as its token began, seconds since the Unix epoch.
_TOLD = re.compile(rb"([0-9]{1,18}) ([0-9]{1,12}\.[0-9]{3})")


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate's key as it was read."""

    key: bytes
    value: bytes
    lease: int
    created: int
    modified: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a campaign found: our key, and the nearest key before it."""

    own: Entry
    ahead: Entry | None
    #: Whether keys before ours may not have been read.
    is_partial: bool
    #: The store's revision at which this was so.
    revision: int


def elections_of(keys: Iterable[bytes], lease: int) -> dict[bytes, bytes]:
    """Return those of *keys* that are candidates' on *lease*, by the `prefix` of their elections."""
    end = b"/%x" % lease
    return {key[: 1 - len(end)]: key for key in keys if key.endswith(end)}


def keys_below(rpc: Any, prefix: str, after: bytes) -> Any:
    """Read which keys there are below *prefix*, some thousand that follow *after*."""
    end = f"{prefix[:-1]}0".encode() if prefix else b"\0"  # '0' follows '/'; all, if there is no prefix
    return rpc.RangeRequest(key=after or prefix.encode() or b"\0", range_end=end, limit=PAGE, keys_only=True)


def names_of(kvs: Iterable[Any], prefix: str) -> set[str]:
    """Return the elections below *prefix* whose candidates' keys are among these."""
    found = set()
    for kv in kvs:
        election, _, last = kv.key[len(prefix.encode()) :].rpartition(b"/")
        if kv.lease and last == b"%x" % kv.lease:
            found.add(election.decode(errors="replace"))
    return found - {""}


def testament_of(lease: int, revision: int) -> str:
    """Return what names the term whose key is on *lease*, and was created at *revision*."""
    return f"{lease:x}/{revision}"


def term_of(testament: str) -> tuple[int, int] | None:
    """Return the lease and the revision that *testament* names, or None if it is none."""
    found = re.fullmatch(r"([0-9a-f]{1,16})/([0-9]{1,18})", testament, re.ASCII)
    return None if found is None else (int(found[1], 16), int(found[2]))


class Election:
    """The keys of one election, and the requests about them."""

    def __init__(self, rpc: Any, prefix: str, lock_id: str) -> None:
        self._rpc = rpc
        self.prefix = f"{prefix}{lock_id}/".encode()
        self.end = self.prefix[:-1] + b"0"  # '0' follows '/'
        #: What is told of the leader's term. No key of this election, nor, with its slashes, of one above.
        self.since = f"{prefix}{lock_id}.since/of/leader".encode()

    def key(self, lease: int) -> bytes:
        """Return the key of the candidate whose lease this is."""
        return self.prefix + b"%x" % lease

    def has(self, key: bytes) -> bool:
        """Tell whether *key* is of this election, and not of one whose name begins with ours and a slash."""
        return key.startswith(self.prefix) and b"/" not in key[len(self.prefix) :]

    # ------------------------------------------------------------ requests

    def campaign(self, key: bytes, value: str, lease: int) -> Any:
        """Make the key unless it exists; read it back, and what is ahead of it, in the same instant (P5)."""
        put = self._rpc.PutRequest(key=key, value=value.encode(), lease=lease)
        reads = [
            self._operation(request_range=self._rpc.RangeRequest(key=key)),
            self._operation(request_range=self.ahead(None)),
        ]
        absent = self._compare(key, "create_revision", 0)
        return self._rpc.TxnRequest(compare=[absent], success=[self._operation(request_put=put), *reads], failure=reads)

    def look(self, key: bytes, revision: int) -> Any:
        """Read the key that was created at *revision*, and what is ahead of it, in the same instant; writes nothing."""
        own = self._operation(request_range=self._rpc.RangeRequest(key=key))
        return self._rpc.TxnRequest(success=[own, self._operation(request_range=self.ahead(revision))])

    def ahead(self, revision: int | None, limit: int = LOOK_AHEAD) -> Any:
        """Read the newest keys; if *revision* is given, the newest of those created before it."""
        return self._rpc.RangeRequest(
            key=self.prefix,
            range_end=self.end,
            limit=limit,
            keys_only=True,
            max_create_revision=0 if revision is None else revision - 1,
            **CREATE_DESCENDING,
        )

    def all(self) -> Any:
        """Read all candidates, the leader first."""
        return self._rpc.RangeRequest(key=self.prefix, range_end=self.end, **CREATE_ASCENDING)

    def shown(self) -> Any:
        """Read the same and, at the same instant, since when the leader leads."""
        reads = self.all(), self.read(self.since)
        return self._rpc.TxnRequest(success=[self._operation(request_range=read) for read in reads])

    def tell_since(self, revision: int, since: float, lease: int) -> Any:
        """Write down when the term of *revision* began, for as long as the lease lives."""
        return self._rpc.PutRequest(key=self.since, value=f"{revision} {since:.3f}".encode(), lease=lease)

    def read(self, key: bytes) -> Any:
        """Read *key*."""
        return self._rpc.RangeRequest(key=key)

    def delete(self, key: bytes, revision: int) -> Any:
        """Delete *key* if it is still the one that was created at *revision*."""
        created = self._compare(key, "create_revision", revision)
        operation = self._operation(request_delete_range=self._rpc.DeleteRangeRequest(key=key))
        return self._rpc.TxnRequest(compare=[created], success=[operation])

    def delete_unchanged(self, entry: Entry) -> Any:
        """Delete *entry* if nobody has written to it since it was read."""
        unchanged = self._compare(entry.key, "mod_revision", entry.modified)
        operation = self._operation(request_delete_range=self._rpc.DeleteRangeRequest(key=entry.key))
        return self._rpc.TxnRequest(compare=[unchanged], success=[operation])

    def _operation(self, **what: Any) -> Any:
        return self._rpc.RequestOp(**what)

    def _compare(self, key: bytes, what: str, value: int) -> Any:
        compare = self._rpc.Compare
        target = {"create_revision": compare.CREATE, "mod_revision": compare.MOD}[what]
        return compare(result=compare.EQUAL, target=target, key=key, **{what: value})

    # ------------------------------------------------------------ answers

    def standing(self, answer: Any, key: bytes) -> Standing | None:
        """
        Read the answer to `campaign` or `look`; None if *key* is not there.

        Raises:
            BackendUnavailableError: It answers something else.
        """
        responses = list(answer.responses)[-2:]
        if len(responses) < 2:
            raise senseless("parts are missing")
        own, ahead = (response.response_range for response in responses)
        if not own.kvs:
            return None
        entry = _entry(own.kvs[0])
        if entry.key != key:
            raise senseless("another key")
        nearest = self.nearest(ahead.kvs, entry.created)
        return Standing(entry, nearest, nearest is None and ahead.more, answer.header.revision)

    def nearest(self, kvs: Iterable[Any], revision: int) -> Entry | None:
        """Return the newest of this election's candidates that were created before *revision*."""
        before = [_entry(kv) for kv in kvs if kv.create_revision < revision and self.has(kv.key)]
        return max(before, key=lambda entry: entry.created, default=None)

    def entries(self, answer: Any) -> list[Entry]:
        """Read the answer to `all`."""
        return [_entry(kv) for kv in answer.kvs if self.has(kv.key)]

    def told(self, answer: Any) -> tuple[list[Entry], float | None]:
        """
        Read the answer to `shown`: all candidates, and since when the first one leads.

        Raises:
            BackendUnavailableError: It answers something else.
        """
        if len(answer.responses) != 2:
            raise senseless("parts are missing")
        entries = self.entries(answer.responses[0].response_range)
        told = _TOLD.fullmatch(kvs[0].value) if (kvs := answer.responses[1].response_range.kvs) else None
        is_told = entries and told is not None and int(told[1]) == entries[0].created
        return entries, float(told[2]) if is_told and told else None


def _entry(kv: Any) -> Entry:
    if kv.create_revision < 1:
        raise senseless("a revision")
    return Entry(kv.key, kv.value, kv.lease, kv.create_revision, kv.mod_revision)
