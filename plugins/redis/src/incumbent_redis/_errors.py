"""Turns what redis-py raises into the errors of the contract: in one line, without secrets. Imports redis-py."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

import redis

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError, one_line

from ._layout import CONFLICT

__all__ = ["REPLICA", "translated"]

#: Longer messages are cut: a server may send anything.
LONGEST = 200
#: What a server that is not the primary says.
REPLICA = "is a replica, which takes no claims"
SENTINEL = "is a Sentinel: give the name of the primary with option sentinel=NAME"
_CLUSTER = "is a node of a Redis Cluster, which is not supported: use a server or Sentinels"
UNKNOWN = "the server lacks a command that elections need"
_ITS_OWN = "give sentinel-password-file=FILE, and sentinel-user=NAME if it has users"
#: Of a Sentinel: parts of an answer that mean that asking again cannot help, and what is to be done. In each pair the
#: code, and what redis-py leaves of the answer without it.
OF_A_SENTINEL = (
    ("unknown command", "is no Sentinel: leave option sentinel out, or give the Sentinels' hosts and ports"),
    ("NOAUTH", f"asks for a password: {_ITS_OWN}"),
    ("Authentication required", f"asks for a password: {_ITS_OWN}"),
    ("WRONGPASS", f"user or password is wrong for this Sentinel: {_ITS_OWN}"),
    ("invalid username-password pair", f"user or password is wrong for this Sentinel: {_ITS_OWN}"),
    ("no permissions to", f"user or password is wrong for this Sentinel: {_ITS_OWN}"),
)
#: Parts of an answer that mean that asking again cannot help, and what is to be done.
PERMANENT = (
    ("unknown command 'SELECT'", SENTINEL),
    ("unknown command `SELECT`", SENTINEL),
    # Before the rest: the server repeats the words that it was sent, a script's text among them.
    ("unknown command", UNKNOWN),
    ("command called from script", UNKNOWN),
    (CONFLICT, "holds something that is no election's: rename it, or give another prefix"),
    ("INCUMBENT-REIGN", "the server's INFO shows no master_replid: use Redis 5 or later, or Valkey"),
    ("WRONGTYPE", "a key of the election holds something else: rename it, or give option prefix"),
    ("SELECT is not allowed in cluster mode", _CLUSTER),
    ("MOVED ", _CLUSTER),
    ("CROSSSLOT ", _CLUSTER),
    ("NOAUTH", "asks for a password: write redis://user@host with password-file=FILE, or set $REDISCLI_AUTH"),
    ("Authentication required", "asks for a password: give password-file=FILE, or set $REDISCLI_AUTH"),
    ("without any password configured", "has no password: leave user, password and $REDISCLI_AUTH out"),
    ("unning in protected mode", "is in protected mode: set a password there (requirepass), and give it here"),
    ("DB index is out of range", "has no database of that number: give a smaller one in the URL's path"),
    (
        "The user executing the script",
        "no permission for a command of the scripts: grant the rights that the page lists",
    ),
    ("ACL failure in script", "no permission for a command of the scripts: grant the rights that the page lists"),
    ("NOPROTO", ""),
)
#: Parts of an answer that mean that it may pass.
PASSING = (
    ("cluster is down", f"the cluster is down; it {_CLUSTER}"),
    ("Hash slot not served", f"the cluster is down; it {_CLUSTER}"),
    ("loading the dataset", "is loading its data"),
    ("can't write against a read only replica", REPLICA),
    ("enough good replicas", "has not enough replicas to take writes (min-replicas-to-write)"),
    ("MISCONF", "takes no writes: its data cannot be saved (MISCONF)"),
    ("maxmemory", "is out of memory"),
    ("running a script", "is busy with a script"),
    ("number of clients", "has too many clients"),
)


def translated(
    error: Exception,
    where: object,
    timeout: float,
    secrets: Iterable[str] = (),
    *,
    of_sentinel: bool = False,
    doubt: str = "",
) -> ElectionError:
    """
    Return the contract's error for *error*.

    Args:
        error: What using the server has raised.
        where: The server.
        timeout: Seconds that a request may take.
        secrets: What must not be shown.
        of_sentinel: Whether the server is a Sentinel.
        doubt: The end of the line, which says what may be wrong if the connection ends before its time.
    """
    text = one_line(str(error), *secrets, longest=LONGEST)
    if isinstance(error, redis.exceptions.MovedError | redis.exceptions.ClusterCrossSlotError):
        return BackendRejectedError(f"redis {where}: {_CLUSTER}")
    for sign, meaning in OF_A_SENTINEL if of_sentinel else ():
        if sign in text:
            return BackendRejectedError(f"redis {where}: {meaning}")
    for sign, meaning in PERMANENT:
        if sign in text:
            if meaning == UNKNOWN:
                return BackendRejectedError(f"redis {where}: {UNKNOWN}: {_shortened(text)}")
            key = text.partition(f"{CONFLICT} ")[2].partition(" script:")[0]
            return BackendRejectedError(f"redis {where}: {f'key {key[:80]!r} ' if key else ''}{meaning or text}")
    for sign, meaning in PASSING:
        if sign in text:
            return BackendUnavailableError(f"redis {where}: {meaning}")
    if isinstance(error, redis.AuthenticationError):
        return BackendRejectedError(f"redis {where}: user or password is wrong")
    if isinstance(error, redis.exceptions.NoPermissionError):
        return BackendRejectedError(f"redis {where}: no permission: {text}")
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return BackendUnavailableError(f"redis {where}: no answer within {timeout:g} s")
    if isinstance(error, redis.ConnectionError | OSError):
        return BackendUnavailableError(f"redis {where}: {_connection(error, text, timeout, doubt)}")
    if isinstance(error, redis.ResponseError):
        return BackendUnavailableError(f"redis {where}: {text or 'an error without a text'}")
    sense = f"the answer makes no sense ({type(error).__name__})"
    return BackendUnavailableError(f"redis {where}: {sense}{doubt}")


def _shortened(text: str) -> str:
    return text.partition(", with args")[0].partition(" script:")[0]


def _connection(error: Exception, text: str, timeout: float, doubt: str) -> str:
    cause = error.__context__ if isinstance(error.__context__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"TLS: the server's certificate is not accepted ({cause.verify_message[:80]})"
    if isinstance(cause, ssl.SSLWantReadError):
        return f"TLS: the handshake is not answered within {timeout:g} s; the server may not speak TLS"
    if isinstance(cause, ssl.SSLError):
        return "TLS: the handshake failed; the server may not speak TLS, or want a certificate (options cert and key)"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if "closed by server" in text.lower() or isinstance(cause, ConnectionResetError):
        return f"the server closed the connection{doubt}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror[:80]
    return text
