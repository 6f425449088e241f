"""What an election is in the store: its keys, the first of which `consul lock` knows, and what answers mean."""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from incumbent import BackendRejectedError, BackendUnavailableError, ConfigurationError, ElectionError, LeaderRecord

from ._connection import Answer

__all__ = [
    "FLAGS",
    "Keys",
    "Pair",
    "SessionGoneError",
    "check_session",
    "encoded",
    "meaning",
    "pairs_of",
    "results_of",
    "transaction",
    "understood",
]

T = TypeVar("T")

#: What marks a key as a lock of Consul's own library and of `consul lock`.
FLAGS = 0x2DDCCBC058A50C18
#: A key's longest name is longer than this; what is longer is a mistake.
LONGEST = 400
#: Characters of an error's text that are shown.
SHOWN = 160

#: What servers say of a session, or of the check that it lives by, that does not exist any more.
GONE = ("invalid session", "Unknown check", "does not have associated TTL")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
#: What is raised for an answer that cannot be understood; py-consul makes of some a `ConsulException`, with its text.
_GARBLED = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


class SessionGoneError(BackendUnavailableError):
    """The session does not exist any more, as a server says; who has none, and is told so, knows nothing."""

    def __init__(self, message: str = "consul: the session is gone") -> None:
        super().__init__(message)


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


def meaning(answer: Answer, method: str, path: str) -> ElectionError:
    """Turn an answer that is no success into what is raised."""
    text = "".join(c if c.isprintable() else " " for c in answer.body[:SHOWN]).strip()
    if answer.code == 403:
        return BackendRejectedError(f"consul refuses {_right(method, path)}: {text or 'permission denied'}")
    if answer.code == 500 and any(words in answer.body for words in GONE):
        return SessionGoneError()
    if answer.code == 500 and ("Invalid Session TTL" in answer.body or "No path to datacenter" in answer.body):
        return BackendRejectedError(f"consul: {text}")
    if 300 <= answer.code < 400:
        return BackendUnavailableError(f"consul answers with a redirect ({answer.code}), which is not followed")
    if 400 <= answer.code < 500 and answer.code not in (408, 429):
        return BackendRejectedError(f"consul answers {answer.code}: {text}")
    return BackendUnavailableError(f"consul answers {answer.code}: {text}")


def _right(method: str, path: str) -> str:
    """Name what a token's policy must allow."""
    if path.startswith("/v1/kv/"):
        key = path.removeprefix("/v1/kv/")
        return f"to {'read' if method == 'GET' else 'write'} the key {key!r} (the token needs key_prefix … write)"
    if path.startswith("/v1/session/"):
        return "to use sessions (the token needs session_prefix … write)"
    if path.startswith("/v1/agent/"):
        return "to use the agent (the token needs agent_prefix … read, and node_prefix … write for a check)"
    return f"{method} {path}"


def understood(call: Callable[[], T]) -> T:
    """Return what *call* does; what it cannot make sense of is an outcome that is unknown."""
    try:
        return call()
    except ElectionError:
        raise
    except Exception as error:
        if not isinstance(error, (*_GARBLED, importlib.import_module("consul").ConsulException)):
            raise
        raise BackendUnavailableError(f"consul's answer makes no sense ({type(error).__name__})") from error


def pairs_of(items: Iterable[Any] | None, only: str | None = None) -> list[Pair]:
    """Read keys as the libraries, or a transaction, bring them; no other key than *only*, if that is given."""
    pairs = [_pair(item) for item in items or () if item is not None]
    if only is not None and any(pair.key != only for pair in pairs):
        raise ValueError("another key")
    return pairs


def transaction(operations: Iterable[Mapping[str, object]]) -> str:
    """Write down a transaction."""
    return json.dumps([{"KV": operation} for operation in operations])


def results_of(answer: Any, only: str | None = None) -> list[Pair]:
    """Return what a transaction that succeeded has brought. See `pairs_of`."""
    if answer["Errors"]:
        raise ValueError("a transaction that failed")
    return pairs_of((result["KV"] for result in answer["Results"] or ()), only)


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


def check_session(session: str) -> None:
    """Refuse what is no id of a session: it goes into paths, and with an empty one a lock would be a plain write."""
    if not _UUID.match(session):
        raise BackendUnavailableError("consul's answer makes no sense (a session's id)")


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
        return LeaderRecord(lock_id, _name(lock), lock.modify_index, candidates=(_name(lock), *waiting))


def _name(pair: Pair) -> str:
    """Return the candidate's id; `consul lock` writes none."""
    return pair.value or f"session {pair.session}"
