"""Where PyInstaller, which asks by its entry point `pyinstaller40`, finds the hook beside this file."""

from __future__ import annotations

from pathlib import Path

__all__ = ["hook_dirs"]


def hook_dirs() -> list[str]:
    """Return the directory."""
    return [str(Path(__file__).parent)]
