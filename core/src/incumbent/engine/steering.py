"""
What a candidate does about requests, which are terms of office in a second election, `NAME.control`.

Who asks for something is elected there under an id that says what is asked. So there is one request at a time, it is
gone with who asked, it is pushed like any other change, and whoever may write there may ask: for an orderly hand-over,
never for two leaders. A request is for the term whose token it names, and means nothing in any other.

Pure, as the machine is: no I/O, thread or clock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf
from urllib.parse import parse_qsl, urlencode

from incumbent.elector import LeaderRecord

__all__ = ["Request", "Steering", "control_name"]

#: For how long the others stand aside for a candidate that is to lead, seconds: while the leader's callbacks return,
#: and when nobody leads any more, for then that candidate is dead, or does not want to.
LONGEST_ASIDE, LEADERLESS = 60.0, 2.0
#: For how long a leader waits until they do, seconds, where they are told; elsewhere as long as until they look.
COURTESY = 1.0
#: The same where the store lists candidates: until they are seen to have left, or for so long; and between two looks.
LONGEST_COURTESY, LOOK = 10.0, 0.1
HAND_OVER, PAUSE = "handover", "pause"


def control_name(election: str) -> str:
    """Return the name of the election in which requests to *election* are made."""
    return f"{election}.control"


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is asked.

    Attributes:
        do: "handover" or "pause".
        term: The token of the term that is to end; None for a pause.
        to: Who is to lead next; None for anybody.
    """

    do: str
    term: int | None = None
    to: str | None = None

    @property
    def words(self) -> str:
        """What is asked, for people."""
        if self.do == PAUSE:
            return "a pause: nobody is elected anew"
        return f"a hand-over to {self.to or 'anybody'}"

    def ends(self, term: int | None, leader: str) -> bool:
        """Tell whether *leader*, whose term has that token, is to hand over."""
        return self.do == HAND_OVER and term == self.term and leader != self.to

    def __str__(self) -> str:
        parts = {"do": self.do, "from": self.term, "to": self.to}
        return urlencode({name: value for name, value in parts.items() if value is not None})

    @classmethod
    def parse(cls, text: str) -> Request | None:
        """Return the request that a candidate's id is; None if it is none that is known here."""
        try:
            parts = dict(parse_qsl(text, strict_parsing=True))
        except ValueError:
            return None
        term, to = parts.get("from"), parts.get("to")
        if parts.get("do") == PAUSE:
            return cls(PAUSE)
        if parts.get("do") == HAND_OVER and term is not None and term.isascii() and term.isdigit():
            return cls(HAND_OVER, int(term), to)
        return None


@dataclass(frozen=True, slots=True)
class Orders:
    """
    What follows for the candidate.

    Attributes:
        aside_until: It does not try to be elected before; -inf if nothing keeps it.
        hand_over_at: When it hands over; None if it does not.
    """

    aside_until: float
    hand_over_at: float | None = None


class Steering:
    """The present request, as one candidate sees it. Not thread-safe."""

    def __init__(self, candidate: str, courtesy: float) -> None:
        self._candidate = candidate
        #: Whether the others were seen to stand aside.
        self._is_clear = False
        self._courtesy = courtesy
        #: What is asked at present, the token of its term in the control election, and when it was first seen.
        self.request: Request | None = None
        self._token: int | None = None
        self._since = -inf
        #: When the term that is to end was seen to be over.
        self._over = inf

    def asked(self, control: LeaderRecord, now: float) -> None:
        """Take what was read of the control election: who asks, which says what."""
        self.request = None if control.candidate is None else Request.parse(control.candidate)
        if self.request is not None and control.token != self._token:
            self._since, self._over, self._is_clear = now, inf, False
        self._token = control.token

    def listed(self, candidates: Collection[str]) -> None:
        """Take which candidates there are: the named one has a clear way when nobody else waits."""
        request = self.request
        if request is not None and request.to is not None:
            self._is_clear = request.to in candidates and set(candidates) <= {self._candidate, request.to}

    def saw(self, record: LeaderRecord, now: float) -> None:
        """Take what was read of the election itself."""
        if self.request is not None and record.token != self.request.term:
            self._over = min(self._over, now)

    def orders(self, leads: int | None) -> Orders:
        """Return what follows for this candidate, whose term has the token *leads*; None while it does not lead."""
        request = self.request
        if request is None:
            return Orders(-inf)
        if request.do == PAUSE:
            return Orders(inf)
        if leads is not None:
            pause = 0.0 if request.to is None or self._is_clear else self._courtesy
            return Orders(-inf, self._since + pause if request.ends(leads, self._candidate) else None)
        if request.to in (None, self._candidate):
            return Orders(-inf)
        return Orders(min(self._since + LONGEST_ASIDE, self._over + LEADERLESS))
