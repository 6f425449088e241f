"""The application's callbacks, and who is told what ends its term, should it die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from incumbent.elector import LeaderRecord
from incumbent.state import Reason
from incumbent.term import Term

__all__ = ["Listeners", "Will"]


class Will(Protocol):
    """Whoever is told what ends the present term, should this process die."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What keeps the claim while it is open."""

    def leave(self, testament: str) -> None:
        """Take that of the present term, in place of the one before. Never blocks."""


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """The application's callbacks, bound to what they are called with."""

    leader: Callable[[], object] | None = None
    follower: Callable[[], object] | None = None
    elected: Callable[[Term], object] | None = None
    deposed: Callable[[Term, Reason], object] | None = None
    #: Returns when the work of asyncio has ended that was to last as long as the term.
    settle: Callable[[], object] | None = None
    leader_changed: Callable[[LeaderRecord], object] | None = None
    will: Will | None = None
