"""The entry point of the elector `redis`, by any of its names. No client library is imported before a URL asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incumbent import hookimpl

if TYPE_CHECKING:
    from incumbent import Backend

__all__ = ["incumbent_backend"]


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the class that stands for `redis://` and its like."""
    from ._backend import RedisBackend  # noqa: PLC0415 - listing the electors must cost nothing

    return RedisBackend
