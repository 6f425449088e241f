"""`local://[/path]`: elections among the processes of one host, on kernel file locks. No server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incumbent.hookspecs import hookimpl

if TYPE_CHECKING:
    from incumbent.elector import Backend


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the backend class."""
    from .backend import LocalBackend  # noqa: PLC0415 - listing the electors should not import them

    return LocalBackend
