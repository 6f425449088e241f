"""
What others are told while an ended term keeps its claim for a callback: a term of office in `NAME.notice`.

Its holder's id says which term that is, and for which callback it waits; so it is gone with whoever it is about.

Pure, as the machine is: no I/O, thread or clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

__all__ = ["Notice", "notice_name"]


def notice_name(election: str) -> str:
    """Return the name of the election in which candidates of *election* say that they wait."""
    return f"{election}.notice"


@dataclass(frozen=True, slots=True)
class Notice:
    """
    What is told.

    Attributes:
        term: The token of the term that has ended.
        callback: What has not returned.
    """

    term: int
    callback: str

    def __str__(self) -> str:
        return urlencode({"term": self.term, "callback": self.callback})

    @classmethod
    def parse(cls, text: str) -> Notice | None:
        """Return the notice that a candidate's id is; None if it is none."""
        try:
            parts = dict(parse_qsl(text, strict_parsing=True))
        except ValueError:
            return None
        term, callback = parts.get("term", ""), parts.get("callback", "")
        return cls(int(term), callback) if term.isascii() and term.isdigit() and callback else None
