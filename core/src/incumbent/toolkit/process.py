"""What belongs to one process: a forked child has a copy of it, and is refused."""

from __future__ import annotations

import os

from incumbent.errors import InvalidStateError

__all__ = ["ProcessBound"]


class ProcessBound:
    """
    A base for what holds connections, or the right to lead: it knows the process that made it. Thread-safe.

    A forked child has a copy of the parent's sockets and claims, and may use neither (P9).
    """

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_foreign(self) -> bool:
        """Whether this process was forked from the one that made it: then not even `close` may touch anything."""
        return os.getpid() != self._pid

    def check_process(self) -> None:
        """
        Refuse a forked child.

        Raises:
            InvalidStateError: This is one.
        """
        if self.is_foreign:
            raise InvalidStateError("this process was forked from the candidate's: open a backend of its own here")
