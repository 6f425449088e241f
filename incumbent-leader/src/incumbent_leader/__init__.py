"""The entry point of `leader`. Nothing that costs time is imported before it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incumbent import hookimpl

if TYPE_CHECKING:
    from incumbent import Backend


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the class that stands for `leader://`."""
    from ._elector import LeaderBackend

    return LeaderBackend
