"""The entry point of the elector `postgres`. No client library is imported before a URL asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incumbent import hookimpl

if TYPE_CHECKING:
    from incumbent import Backend

__all__ = ["incumbent_backend"]


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the class that stands for `postgres://`."""
    from ._backend import PostgresBackend  # noqa: PLC0415 - listing the electors must cost nothing

    return PostgresBackend
