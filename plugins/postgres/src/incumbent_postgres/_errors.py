"""Turns what libpq and the server say into the errors of the contract: in one line, without secrets."""

from __future__ import annotations

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError

__all__ = ["MISSING", "LostError", "RefusedError", "no_connection", "senseless", "translated"]

#: The schema or a table is not there.
MISSING = ("3F000", "42P01")
#: SQLSTATEs, or their first characters, for which asking again cannot help; but for those that are MISSING.
PERMANENT = ("28", "3D000", "42", "22P05", "22021")
#: What servers say to who may not connect. libpq passes their SQLSTATE on for statements only, so their words must do.
FOREVER = (
    "authentication failed",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects connection",
    "is not permitted to log in",
    "does not exist",
    "permission denied for database",
    "no such user",  # PgBouncer
    "no such database",
)
#: What libpq itself says then.
OWN = "no password supplied"


class LostError(Exception):
    """The connection is of no use any more: what was sent may have taken effect."""


class RefusedError(Exception):
    """The server has answered with an error: nothing has taken effect."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


def senseless(what: str) -> BackendUnavailableError:
    """Return what is raised for rows that no elector writes."""
    return BackendUnavailableError(f"postgres: a row of the tables makes no sense ({what}): delete it")


def no_connection(where: str, text: str) -> ElectionError:
    """Return the contract's error for a connection that could not be made."""
    reason = text.rpartition(" failed: ")[2].removeprefix("FATAL: ").strip() or "no connection"
    is_permanent = OWN in text or ("FATAL" in text and any(sign in text for sign in FOREVER))
    kind = BackendRejectedError if is_permanent else BackendUnavailableError
    return kind(f"postgres {where}: {reason}")


def translated(where: str, error: RefusedError) -> ElectionError:
    """Return the contract's error for a statement that was refused."""
    is_permanent = error.sqlstate.startswith(PERMANENT) and error.sqlstate not in MISSING
    kind = BackendRejectedError if is_permanent else BackendUnavailableError
    return kind(f"postgres {where}: {error} ({error.sqlstate})")
