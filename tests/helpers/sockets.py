"""A folder for Unix sockets: their paths may have 107 bytes, and those of `tmp_path` grow with that of the checkout."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["short_folder"]


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder with a short path, and remove it when the block is left."""
    with tempfile.TemporaryDirectory(prefix="incumbent-", dir="/tmp") as folder:
        yield Path(folder)
