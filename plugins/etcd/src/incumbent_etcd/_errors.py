"""Turns what gRPC raises into the errors of the contract: in one line, without secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError
from incumbent.toolkit import one_line

__all__ = ["LeaseExistsError", "LeaseGoneError", "is_token_refused", "senseless", "translated"]

#: What etcd says when its token is unknown, too old, or of a time before its users were changed.
TOKEN_REFUSED = ("invalid auth token", "revision of auth store is old")
#: What it says where there is none: users have been switched on since.
NO_TOKEN = ("user name is empty",)
#: Codes for which asking again cannot help; what is neither here nor handled by itself may pass.
PERMANENT = frozenset({"INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED", "OUT_OF_RANGE"})
#: What gRPC says of a connection, and what it means; the first that fits.
MEANINGS = (
    ("connect an http1.x server", "it is not etcd that answers there: it speaks HTTP/1, as Consul does (consul://)"),
    ("Failed parsing HTTP/2", "it is not etcd that answers there: it does not speak gRPC"),
    ("Received http2 header with status: 404", "it is not etcd that answers there, but perhaps Consul (consul://)"),
    ("Connection refused", "connection refused"),
    ("CERTIFICATE_VERIFY_FAILED", "TLS: the server's certificate is not accepted"),
    ("BAD_SIGNATURE", "TLS: the server's certificate is not accepted"),
    ("Hostname Verification Check failed", "TLS: the server's certificate is for another host"),
    ("is not in peer certificate", "TLS: the server's certificate is for another host"),
    ("TSI_DATA_CORRUPTED", "TLS: the server ends the connection; it may want a certificate: options cert and key"),
    ("Handshake read failed", "TLS: the server ends the handshake; it may not speak TLS"),
    ("andshake failed", "TLS: the handshake failed"),
    ("Socket closed", "the server closed the connection"),
    ("Connection reset", "the connection was reset"),
)


class LeaseGoneError(BackendUnavailableError):
    """The lease has expired or was revoked, and what hung on it is deleted."""


class LeaseExistsError(BackendUnavailableError):
    """The lease id is in use: an earlier grant, whose answer was lost, has succeeded."""


def senseless(what: str) -> BackendUnavailableError:
    """Return what is raised for an answer that no etcd gives."""
    return BackendUnavailableError(f"etcd: the answer makes no sense ({what})")


def is_token_refused(error: Any, *, has_user: bool) -> bool:
    """Tell whether to authenticate again and ask once more; who has a user had no token while etcd knew none."""
    return any(text in _details(error) for text in (*TOKEN_REFUSED, *(NO_TOKEN if has_user else ())))


def translated(
    error: Any, where: object, timeout: float, secrets: Iterable[str] = (), *, has_user: bool = False
) -> ElectionError:
    """Return the contract's error for *error*, an `RpcError` or what a closed channel raises, without *secrets*."""
    code = getattr(error.code(), "name", "UNKNOWN") if hasattr(error, "code") else "CANCELLED"
    details = _details(error)
    if code == "NOT_FOUND" and "lease" in details:
        return LeaseGoneError(f"etcd {where}: the lease is gone")
    if code == "FAILED_PRECONDITION" and "lease already exists" in details:
        return LeaseExistsError(f"etcd {where}: the lease exists")
    if code == "DEADLINE_EXCEEDED":
        return BackendUnavailableError(f"etcd {where}: no answer within {timeout:g} s")
    if code == "CANCELLED":
        return BackendUnavailableError(f"etcd {where}: the connection was closed during the request")
    # A token that is refused although it is new is no wrong password: rights are being changed just now.
    is_refused = code in PERMANENT and not is_token_refused(error, has_user=has_user)
    kind = BackendRejectedError if is_refused else BackendUnavailableError
    return kind(f"etcd {where}: {_plainly(_details(error, secrets)) or code.lower()}")


def _details(error: Any, secrets: Iterable[str] = ()) -> str:
    text = (error.details() if hasattr(error, "details") else str(error)) or ""
    return one_line(str(text), *secrets).removeprefix("etcdserver: ")


def _plainly(details: str) -> str:
    """Shorten what gRPC says of a connection that could not be made to what a reader needs."""
    for sign, meaning in MEANINGS:
        if sign in details:
            reason = details.rpartition(f"{sign}: ")[2].removesuffix(": OK").rpartition(": ")[2]
            is_reason = meaning.startswith("TLS") and f"{sign}: " in details and "(" not in reason
            return f"{meaning} ({reason[:80]})" if is_reason else meaning
    return details
