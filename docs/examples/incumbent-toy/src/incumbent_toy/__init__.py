"""The entry point of the elector `toy`. Nothing that costs time is imported before the elector is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incumbent import hookimpl

if TYPE_CHECKING:
    from incumbent import Backend


@hookimpl
def incumbent_backend() -> type[Backend]:
    """Return the class that stands for `toy://`."""
    from ._backend import ToyBackend

    return ToyBackend
