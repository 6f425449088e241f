"""What servers say of failures, in the errors of the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError

from ._connection import Answer
from ._endpoint import Endpoint
from ._library import load

__all__ = ["SessionGoneError", "check_session", "is_missing", "meaning", "stranger", "understood"]

T = TypeVar("T")

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


def meaning(endpoint: Endpoint, answer: Answer, method: str, path: str) -> ElectionError:
    """Turn an answer that is no success into what is raised."""
    text = "".join(c if c.isprintable() else " " for c in answer.body[:SHOWN]).strip()
    where = f"consul at {endpoint}"
    if answer.code == 403:
        return BackendRejectedError(f"{where} refuses {_right(method, path)}: {text or 'permission denied'}")
    if answer.code == 400 and "HTTP request to an HTTPS server" in answer.body:
        return BackendRejectedError(f"{where}: it speaks HTTPS only: give the option tls=yes, and ca if need be")
    if answer.code == 500 and any(words in answer.body for words in GONE):
        return SessionGoneError()
    if answer.code == 500 and ("Invalid Session TTL" in answer.body or "No path to datacenter" in answer.body):
        return BackendRejectedError(f"{where}: {text}")
    if 300 <= answer.code < 400:
        return BackendUnavailableError(f"{where} answers with a redirect ({answer.code}), which is not followed")
    if 400 <= answer.code < 500 and answer.code not in (408, 429):
        return BackendRejectedError(f"{where} answers {answer.code}: {text}")
    return BackendUnavailableError(f"{where} answers {answer.code}: {text}")


def is_missing(answer: Answer, path: str) -> bool:
    """Tell whether a 404 says, as Consul does, that what was asked for is not there; others know no such path."""
    if path.startswith("/v1/kv/"):
        return "X-Consul-Index" in answer.headers
    names = path.startswith(("/v1/session/renew/", "/v1/agent/check/"))
    return names and path.rpartition("/")[2] in answer.body  # Session id '…' not found


def stranger(endpoint: Endpoint, answer: Answer | None) -> BackendUnavailableError:
    """Say what is at *endpoint*, which is not Consul, by its *answer* to the question that etcd knows: `/version`."""
    name = "another program"
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        if answer is not None:
            json.loads(answer.body)["etcdserver"]
            name = f"etcd, whose URL is etcd://{endpoint}"
    return BackendUnavailableError(f"consul at {endpoint}: it is not Consul that answers there, but {name}")


def _right(method: str, path: str) -> str:
    """Name what a token's policy must allow."""
    if path.startswith("/v1/kv/"):
        key = path.removeprefix("/v1/kv/")
        what, need = ("read", "read, and write to take part") if method == "GET" else ("write", "write")
        return f"to {what} the key {key!r} (the token needs key_prefix … {need})"
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
        if not isinstance(error, (*_GARBLED, load().error)):
            raise
        raise BackendUnavailableError(f"consul's answer makes no sense ({type(error).__name__})") from error


def check_session(session: str) -> None:
    """Refuse what is no id of a session: it goes into paths, and with an empty one a lock would be a plain write."""
    if not _UUID.match(session):
        raise BackendUnavailableError("consul's answer makes no sense (a session's id)")
