"""
What the beat protocol asks of a store that can compare and set: a record for each election, and four operations on it.

Nothing expires in such a store, for a server's clock may be set (P1). A leader gives its record another *beat* again
and again. Who waits, and has seen the same beat for the record's ttl *on its own clock*, puts a record of its own in
its place, if it is still that very one. `BeatElector` does all of that over any `BeatStore`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["BeatStore", "Held", "Record"]


@dataclass(frozen=True, slots=True)
class Record:
    """
    What the store shows of an election that somebody leads.

    Attributes:
        owner: Names the term: an elector takes a new one for each. Empty if it is nobody's, and still nobody may be
            elected before it has been silent for its ttl: what a store shows that may have forgotten a claim.
        beat: What each renewal changes, and what never comes again: a store that may come back with older data, or on
            another server, puts into it what tells the two apart.
        ttl: Seconds of silence after which another may take the claim over.
        token: The fencing token.
        candidate: Id of the candidate; on a second line what it tells of itself, if the backend declares *info*.
        since: When it was elected, seconds since the Unix epoch, if known; for display.
        is_fresh: Whether it was renewed within its ttl by the store's clock, if it has one; for display only.
        holder: What the beat belongs to, where one renewal serves many elections; left out, it belongs to the record.
    """

    owner: str
    beat: str
    ttl: float
    token: int = 0
    candidate: str = ""
    since: float | None = None
    is_fresh: bool = True
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """
    A claim that is to be renewed.

    Attributes:
        lock_id: Name of the election.
        owner: Names the term.
        sent: When the request was sent that granted or renewed it last, on `BackendSettings.clock`.
    """

    lock_id: str
    owner: str
    sent: float


class BeatStore(ABC):
    """
    Four operations, each one bounded attempt, and each election's part of it one atomic step. Thread-safe.

    All raise BackendUnavailableError when the outcome is unknown, and BackendRejectedError when asking again cannot
    help. What a request does that was given up and arrives later is harmless, as long as the steps are atomic.

    Attributes:
        share: Of the ttl, how old a renewal may be that serves another election of the process, if one request renews
            and one reads many of them. 0: each is renewed, and read, by a request of its own.
    """

    share: ClassVar[float] = 0.0

    @abstractmethod
    def read(self, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        """Read the records of these elections; those that nobody leads are left out. Writes nothing."""

    @abstractmethod
    def claim(self, lock_id: str, owner: str, candidate: str, silent: Record | None) -> Record | None:
        """
        Put a record of *owner* where there is none, or where exactly *silent* is, with its beat; and read.

        The token is larger than that of every record that the election has ever had, also if they were deleted (P4).
        If there is one of *owner* already, which an attempt without an answer has left, it gets another beat; another
        token too, if others may have led since that token was chosen, and be forgotten or deleted (P4).

        Returns:
            The record that is there now: the caller is elected if *owner* is its owner. None if there is none after
            all, or it is not known: the caller is not elected, and will ask again.
        """

    @abstractmethod
    def renew(self, held: Sequence[Held]) -> Collection[Held]:
        """
        Give each record another beat, if it is still that of this owner.

        Returns:
            Those of *held* that are still there. The others are lost for good.
        """

    @abstractmethod
    def release(self, lock_id: str, owner: str) -> bool:
        """Delete the record, if it is that of this owner; tell whether it was."""

    def close(self) -> None:  # noqa: B027 - optional
        """End connections, and every request that is out. Idempotent; never raises."""
