"""Whether a server that lets us in takes writes, and why not: some reasons pass by themselves, others are mistakes."""

from __future__ import annotations

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError

from ._connection import Client

__all__ = ["refusal"]

SETTING = "default_transaction_read_only"
IS_READ_ONLY = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
WHY = (
    "SELECT source, quote_ident(session_user), quote_ident(current_database()) "
    "FROM pg_settings WHERE name = 'default_transaction_read_only'"
)


def refusal(client: Client, end: float) -> ElectionError | None:
    """
    Return the contract's error for a server that takes no writes from us, or None if it does.

    Args:
        client: Connected to it. It is asked here, and not by libpq, which would not say why.
        end: When it must have answered, on the monotonic clock.

    Raises:
        LostError: It has not.
        RefusedError: It refuses to answer.
    """
    ((is_standby, is_read_only),) = client.run(IS_READ_ONLY, end)[0]
    where = f"postgres {client.where}"
    if is_standby == "t":  # which may be promoted
        return BackendUnavailableError(f"{where}: a standby, which is read-only: name its primary in the URL as well")
    if is_read_only != "on":
        return None
    ((source, user, database),) = client.run(WHY, end)[0]
    if source in ("user", "database user"):
        within = f" IN DATABASE {database}" if source == "database user" else ""
        return BackendRejectedError(
            f"{where}: user {user} is read-only by default: run ALTER ROLE {user}{within} RESET {SETTING}"
        )
    if source == "client":
        return BackendRejectedError(f"{where}: read-only by {SETTING} in the option options, or in $PGOPTIONS")
    # Whoever has set this may take it back, after a migration or a fail-over.
    whose = f"database {database}" if source == "database" else "the server"
    return BackendUnavailableError(f"{where}: {whose} is read-only, by its setting {SETTING}")
