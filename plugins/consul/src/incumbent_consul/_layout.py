"""What an election is in the store: its keys, the first of which `consul lock` knows, and who is next."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from incumbent import BackendRejectedError, ConfigurationError, LeaderRecord
from incumbent.toolkit import split_info

__all__ = [
    "FLAGS",
    "SINCE",
    "Keys",
    "Pair",
    "encoded",
    "pairs_of",
    "results_of",
    "since_of",
    "term_of",
    "testament_of",
    "transaction",
]

#: What marks a key as a lock of Consul's own library and of `consul lock`.
FLAGS = 0x2DDCCBC058A50C18
#: What follows a lock's name in that of the key which says since when it is held: who reads the tree reads both.
SINCE = ".since"
#: A key's longest name is longer than this; what is longer is a mistake.
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Pair:
    """One key, as a server shows it. What it holds is from others."""

    key: str
    value: str
    flags: int
    #: Who has it locked, or None.
    session: str | None
    create_index: int
    modify_index: int


def pairs_of(items: Iterable[Any] | None, only: str | None = None) -> list[Pair]:
    """Read keys as the libraries, or a transaction, bring them; no other key than *only*, if that is given."""
    pairs = [_pair(item) for item in items or () if item is not None]
    if only is not None and any(pair.key != only for pair in pairs):
        raise ValueError("another key")
    return pairs


def transaction(operations: Iterable[Mapping[str, object]]) -> str:
    """Write down a transaction."""
    return json.dumps([{"KV": operation} for operation in operations])


def results_of(answer: Any) -> list[Pair]:
    """Return what a transaction that succeeded has brought. See `pairs_of`."""
    if answer["Errors"]:
        raise ValueError("a transaction that failed")
    return pairs_of(result["KV"] for result in answer["Results"] or ())


def _pair(item: Any) -> Pair:
    value = item["Value"] or b""
    if isinstance(value, str):
        value = base64.b64decode(value)  # of a transaction; what is read by itself has been decoded by the library
    value = value.decode("utf-8", "replace")
    session = item.get("Session") or None
    flags, created, modified = (item[name] for name in ("Flags", "CreateIndex", "ModifyIndex"))
    if not (isinstance(item["Key"], str) and isinstance(session, str | None)):
        raise TypeError("a key's fields")
    if not (_is_number(flags, 0) and _is_number(created, 1) and _is_number(modified, 1)):
        raise TypeError("a key's numbers")
    return Pair(item["Key"], value, flags, session, created, modified)


def _is_number(value: object, least: int) -> bool:
    """Tell whether *value* is an index, of which the first is 1, or the like; `True` is none."""
    return type(value) is int and least <= value < 2**64


def encoded(value: str) -> str:
    """Return *value* as a transaction holds it."""
    return base64.b64encode(value.encode("utf-8", "replace")).decode("ascii")


def since_of(session: str, since: float) -> str:
    """Return what tells since when *session* holds the lock, in seconds since the Unix epoch."""
    return f"{session} {since:.3f}"


def testament_of(session: str, index: int) -> str:
    """Return what names the term whose key is locked by *session*, and was last seen at *index*."""
    return f"{session}/{index}"


def term_of(testament: str) -> tuple[str, int] | None:
    """Return the session and the index that *testament* names, or None if it is none."""
    found = re.fullmatch(r"([0-9a-f-]{36})/([0-9]{1,18})", testament, re.ASCII)
    return None if found is None else (found[1], int(found[2]))


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of the keys of one election."""

    lock: str
    #: What the names of the places in the queue begin with.
    queue: str

    @classmethod
    def of(cls, prefix: str, lock_id: str) -> Keys:
        """
        Name the keys.

        Raises:
            ConfigurationError: The lock id cannot be used.
        """
        segments = lock_id.split("/")
        if any(segment in ("", ".", "..", ".lock", ".queue") for segment in segments):
            raise ConfigurationError(
                f"lock_id {lock_id!r}: an empty segment, '.' or '..' cannot be part of a key, and '.lock' and "
                "'.queue' are taken"
            )
        if not lock_id.isprintable() or len(prefix + lock_id) > LONGEST:
            raise ConfigurationError(
                f"lock_id {lock_id[:60]!r}: must be printable, and at most {LONGEST} characters long"
            )
        root = f"{prefix}{lock_id}/"
        return cls(f"{root}.lock", f"{root}.queue/")

    @staticmethod
    def election(key: str, prefix: str) -> str | None:
        """Return the election whose lock *key* is; None if it is something else."""
        name, _, last = key.removeprefix(prefix).rpartition("/")
        return name if key.startswith(prefix) and last == ".lock" else None

    @property
    def both(self) -> tuple[str, str]:
        """What the names of all keys of the election begin with."""
        return self.lock, self.queue

    def place(self, session: str) -> str:
        """Name the key that is the place of *session* in the queue."""
        return self.queue + session

    def waiting(self, found: Mapping[str, Pair]) -> list[Pair]:
        """Return the places in the queue, the first first. Those without a session are of the dead."""
        places = [pair for key, pair in found.items() if key.startswith(self.queue)]
        return sorted(places, key=lambda pair: pair.create_index)

    def check(self, lock: Pair | None) -> None:
        """
        Refuse a key that is not a lock.

        Raises:
            BackendRejectedError: Something else uses the key. It is left alone.
        """
        if lock is not None and lock.flags != FLAGS:
            raise BackendRejectedError(
                f"the key {self.lock!r} is not a lock (its flags are {lock.flags:#x}): something else uses it; "
                "choose another lock_id"
            )

    def record(self, lock_id: str, found: Mapping[str, Pair]) -> LeaderRecord:
        """Say who leads and who waits. The texts are from others."""
        lock = found.get(self.lock)
        waiting = tuple(_name(pair) for pair in self.waiting(found) if pair.session is not None)
        if lock is None or lock.session is None:
            return LeaderRecord(lock_id, None, None, candidates=waiting)
        names, (_, info) = (_name(lock), *waiting), split_info(lock.value)
        return LeaderRecord(lock_id, names[0], lock.modify_index, self._told(found, lock.session), names, info)

    def _told(self, found: Mapping[str, Pair], session: str) -> float | None:
        """Return since when *session* holds the lock, if it tells: `consul lock` does not."""
        pair = found.get(self.lock + SINCE)
        told = None if pair is None else re.fullmatch(r"(\S+) ([0-9]{1,12}\.[0-9]{3})", pair.value, re.ASCII)
        return float(told[2]) if told and told[1] == session else None


def _name(pair: Pair) -> str:
    """Return the candidate's id; `consul lock` writes none."""
    return split_info(pair.value)[0] or f"session {pair.session}"
