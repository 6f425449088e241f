"""
What a candidate does about requests, which are terms of office in a second election, `NAME.control`.

Who asks for something is elected there under an id that says what is asked. So there is one request at a time, it is
gone with who asked, it is pushed like any other change, and whoever may write there may ask: for an orderly hand-over,
never for two leaders. A request is for the term whose token it names, and means nothing in any other.

Pure, as the machine is: no I/O, thread or clock.
"""

from __future__ import annotations

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
HAND_OVER, PAUSE, COME = "handover", "pause", "come"


def control_name(election: str) -> str:
    """Return the name of the election in which requests to *election* are made."""
    return f"{election}.control"


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is asked.

    Attributes:
        do: "handover", "pause", or "come", which has a candidate that lets others go first stand by.
        term: The token of the term that is to end; None if none is.
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
        if self.do == COME:
            return f"that {self.to} stands by"
        return f"a hand-over to {self.to or 'anybody'}"

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
        if parts.get("do") == COME and to is not None:
            return cls(COME, to=to)
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

    def __init__(self, candidate: str, courtesy: float, head_start: float = 0.0) -> None:
        self._candidate = candidate
        self._courtesy = courtesy
        #: For how long those that are preferred are let go first, and since when nobody has been seen leading.
        self._head_start = head_start
        self._free = inf
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
            self._since, self._over = now, inf
        self._token = control.token

    def led(self) -> None:
        """Take that this candidate leads, so that nobody's absence counts any more."""
        self._free = inf

    def saw(self, record: LeaderRecord, now: float) -> None:
        """Take what was read of the election itself."""
        self._free = inf if record.candidate is not None else min(self._free, now)
        if self.request is not None and record.token != self.request.term:
            self._over = min(self._over, now)

    def orders(self, leads: int | None) -> Orders:
        """Return what follows for this candidate, whose term has the token *leads*; None while it does not lead."""
        request = self.request
        start = self._free + self._head_start if self._head_start > 0.0 else -inf
        if request is None:
            return Orders(start)
        if request.do == PAUSE:
            return Orders(inf)
        if leads is not None:
            is_meant = leads == request.term and request.to != self._candidate
            pause = self._courtesy if request.to is not None else 0.0
            return Orders(start, self._since + pause if is_meant else None)
        if request.to == self._candidate:
            return Orders(-inf)
        if request.to is None or request.do == COME:
            return Orders(start)
        return Orders(max(start, min(self._since + LONGEST_ASIDE, self._over + LEADERLESS)))
