"""What a leader tells of itself, kept behind its id: on a second line, where a store keeps one text for a candidate."""

from __future__ import annotations

__all__ = ["join_info", "split_info"]


def join_info(candidate: str, info: str | None) -> str:
    """Return the text to keep of *candidate*, which tells *info* of itself: neither has more than one line."""
    return candidate if info is None else f"{candidate}\n{info}"


def split_info(text: str) -> tuple[str, str | None]:
    """Return the id and the info of *text*, which may be from others."""
    candidate, _, info = text.partition("\n")
    return candidate, info or None
