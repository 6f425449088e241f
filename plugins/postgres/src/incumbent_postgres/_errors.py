"""Turns what libpq and the server say into the errors of the contract: in one line, without secrets."""

from __future__ import annotations

from collections.abc import Mapping

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError

__all__ = ["MISSING", "SILENCE", "LostError", "RefusedError", "no_connection", "senseless", "translated"]

#: The text of a LostError for an answer that has not come in time.
SILENCE = "no answer in time"
#: The schema or a table is not there.
MISSING = ("3F000", "42P01")
#: SQLSTATEs, or their first characters, for which asking again cannot help; but for those that are MISSING.
PERMANENT = ("28", "3D000", "42", "22P05", "22021")
#: What servers say to who may not connect, and what to do where that is not plain. libpq passes their SQLSTATE on for
#: statements only, so their words must do.
FOREVER: Mapping[str, str] = {
    "authentication failed": "",
    "no pg_hba.conf entry": "",
    "pg_hba.conf rejects connection": "",
    "is not permitted to log in": "",
    "does not exist": "",
    "permission denied for database": "",
    "no such user": "",  # PgBouncer
    "no such database": "",
    "conversion between UTF8": "use a database in UTF8",
    "unrecognized configuration parameter": "correct the option options, or $PGOPTIONS",
    "invalid value for parameter": "correct the option options, or $PGOPTIONS",
    "invalid command-line argument": "correct the option options, or $PGOPTIONS",
    "unsupported startup parameter": "leave the option options and $PGOPTIONS out: the pooler does not take them",
}
#: What libpq itself says, likewise.
OWN: Mapping[str, str] = {
    "no password supplied": "give one in the URL, in $PGPASSWORD, or in a password file that has mode 600",
    "root certificate file": "give sslrootcert=FILE, with those that sign the server's, or sslrootcert=system",
    "weak sslmode": "",
    "has group or world access": "",
    "channel binding required": "",
    "authentication method requirement": "",
    'value: "': "correct the variable of the environment that says so",  # invalid sslmode value: "yes"
    "invalid integer value": "correct the variable of the environment that says so",
    "definition of service": "",
}
#: What passes by itself, but not if it is that.
HINTS: Mapping[str, str] = {"too many connections for role": "a process needs three"}
#: What a statement is refused with by tables of somebody else: no such column, operator, or unique constraint.
FOREIGN = ("42703", "42883", "42804", "42P10")


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
    _, has_prefix, last = text.rpartition("connection to server ")
    said = last.partition(" failed: ")[2] if has_prefix else text
    # Behind that, libpq proposes to do without checking whose certificate it is.
    reason = said.partition(" Either provide ")[0].removeprefix("FATAL: ").strip() or "no connection"
    forever = FOREVER if said.startswith("FATAL: ") else OWN
    sign = next((sign for sign in forever if sign in reason), None)
    kind = BackendUnavailableError if sign is None else BackendRejectedError
    advice = HINTS.get(next((hint for hint in HINTS if hint in reason), ""), "") if sign is None else forever[sign]
    return kind(f"postgres {where}: {reason}{advice and f': {advice}'}")


def translated(where: str, error: RefusedError) -> ElectionError:
    """Return the contract's error for a statement that was refused."""
    is_permanent = error.sqlstate.startswith(PERMANENT) and error.sqlstate not in MISSING
    kind = BackendRejectedError if is_permanent else BackendUnavailableError
    advice = ": it has tables of others: give another one, by the option schema" if error.sqlstate in FOREIGN else ""
    return kind(f"postgres {where}: {error} ({error.sqlstate}){advice}")
