"""The client library, which is imported when the first URL asks for it, and may have no libpq to work with."""

from __future__ import annotations

from types import ModuleType

from incumbent import ElectorLoadError

__all__ = ["libpq"]


def libpq() -> ModuleType:
    """
    Return `psycopg.pq`.

    Raises:
        ElectorLoadError: psycopg has found no libpq.
    """
    try:
        from psycopg import pq  # noqa: PLC0415 - not before a URL asks for it
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == "psycopg":
            raise
        raise ElectorLoadError(
            "elector 'postgres': psycopg finds no libpq: pip install 'psycopg[binary]', or install that of the system"
        ) from None
    return pq
