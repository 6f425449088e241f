"""
Folders that do not lie where the checkout does, as those of `tmp_path` may.

A Unix socket's path may have 107 bytes, and other users than root cannot enter what is below root's home.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["short_folder"]


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder with a short path, which other users can enter; remove it when the block is left."""
    with tempfile.TemporaryDirectory(prefix="incumbent-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
