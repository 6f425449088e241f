"""The client library, which is imported when the first URL asks for it, and may have no libpq to work with."""

from __future__ import annotations

from types import ModuleType

from incumbent import ElectorLoadError
from incumbent.toolkit import importing

__all__ = ["libpq"]


def libpq() -> ModuleType:
    """
    Return `psycopg.pq`; all that is used of psycopg is imported with it.

    Raises:
        ElectorLoadError: psycopg has found no libpq.
    """
    try:
        with importing:
            from psycopg import conninfo, pq  # noqa: F401, PLC0415 - not before a URL asks for it
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == "psycopg":
            raise
        raise ElectorLoadError(
            "elector 'postgres': psycopg finds no libpq: pip install 'psycopg[binary]', or install that of the system"
        ) from None
    return pq
