"""What a leader tells of itself, kept behind its id: on a line of its own, where a store keeps one text for both."""

from __future__ import annotations

__all__ = ["join_info", "split_info"]


def join_info(candidate: str, info: str | None) -> str:
    """Return the text to keep of *candidate*, which tells *info* of itself: a text of one line, or None."""
    is_plain = info is None and "\n" not in candidate  # the engine gives no other ids, but who knows who does
    return candidate if is_plain else f"{candidate}\n{info or ''}"


def split_info(text: str) -> tuple[str, str | None]:
    """Return the id and the info of *text*, which may be from others."""
    candidate, newline, info = text.rpartition("\n")
    return (candidate, info or None) if newline else (text, None)
