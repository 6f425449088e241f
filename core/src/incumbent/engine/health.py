"""Whether a candidate is fit to lead, as its application says: so many failures in a row are taken for ill health."""

from __future__ import annotations

__all__ = ["Health"]


class Health:
    """
    Counts what was said. Not thread-safe; no I/O, thread or clock.

    Attributes:
        is_good: Whether it may lead; not before the first yes.
    """

    def __init__(self, failures: int) -> None:
        self._most = failures
        self._failures = 0
        #: Counts the looks; the answer to an older one, which came too late, is none.
        self._looks = 0
        self._is_answered = True
        self.is_good = False

    def look(self) -> int:
        """Begin another look, and return its number. One before it that has not been answered has failed."""
        if not self._is_answered:
            self._count(is_good=False)
        self._looks += 1
        self._is_answered = False
        return self._looks

    def said(self, look: int, *, is_good: bool) -> None:
        """Take the answer to that look."""
        if look == self._looks and not self._is_answered:
            self._is_answered = True
            self._count(is_good=is_good)

    def _count(self, *, is_good: bool) -> None:
        self._failures = 0 if is_good else self._failures + 1
        if is_good:
            self.is_good = True
        elif self._failures >= self._most:
            self.is_good = False
