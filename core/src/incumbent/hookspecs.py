"""The one hook by which a package brings an elector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from .elector import Backend

__all__ = ["PROJECT", "hookimpl", "hookspec", "incumbent_backend"]

PROJECT = "incumbent"
hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a plugin's implementation of a hook.
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def incumbent_backend() -> type[Backend]:  # type: ignore[empty-body]
    """Return the backend class that this entry point stands for, without importing a client library."""
