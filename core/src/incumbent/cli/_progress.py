"""How a run of the suite is shown while it goes on: a line for each test, and on a terminal what is running."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from incumbent.testing import Progress

from ._output import RED, clean, duration, paint, show

if TYPE_CHECKING:
    from incumbent.testing import Outcome

__all__ = ["Lines", "LiveLine"]

#: Of a line about a test, as much as fits a few lines of a terminal.
LONGEST_LINE = 500
#: Erases the line of the terminal that the cursor is in, and returns to its beginning.
ERASE = "\r\x1b[2K"


class Lines(Progress):
    """Prints a line for each test that has ended."""

    def __call__(self, outcome: Outcome) -> None:
        """Print what came of a test."""
        line = clean(outcome.to_text(), LONGEST_LINE)
        show(paint(RED, line) if outcome.result == "failed" else line, at_once=True)

    def end(self) -> None:
        """Stop showing anything."""


class LiveLine(Lines):
    """Keeps a last line below them, which says how far the run is and what it is at."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._planned = self._ended = 0
        self._running: list[str] = []

    def planned(self, tests: int) -> None:
        """Begin."""
        self._planned = tests
        self.waiting()

    def started(self, test: str) -> None:
        """Show that *test* is running."""
        self._running.append(test)
        self.waiting()

    def __call__(self, outcome: Outcome) -> None:
        """Print what came of a test, above the line."""
        self._ended += 1
        if outcome.test in self._running:
            self._running.remove(outcome.test)
        self.end()
        super().__call__(outcome)
        self.waiting()

    def waiting(self) -> None:
        """Draw the line anew."""
        took = duration(time.monotonic() - self._began)
        line = f"{self._ended} of {self._planned}, {took}: {', '.join(self._running)}"
        sys.stdout.write(ERASE + clean(line, max(shutil.get_terminal_size().columns - 1, 20)))
        sys.stdout.flush()

    def end(self) -> None:
        """Erase the line."""
        sys.stdout.write(ERASE)
        sys.stdout.flush()
