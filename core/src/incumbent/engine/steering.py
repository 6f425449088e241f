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
from typing import TypeGuard
from urllib.parse import parse_qsl, urlencode

from incumbent.address import shorten
from incumbent.config import MOST_PREFERRED
from incumbent.elector import LeaderRecord
from incumbent.errors import ConfigurationError
from incumbent.fields import LONGEST_NAME

__all__ = ["Request", "Steering", "check_id", "control_name"]

#: For how long the others stand aside for a candidate that is to lead, seconds: while the leader's callbacks return,
#: and when nobody leads any more, for then that candidate is dead, or does not want to.
LONGEST_ASIDE, LEADERLESS = 60.0, 2.0
#: For how long a leader waits until they do, seconds, where they are told; elsewhere as long as until they look.
COURTESY = 1.0
#: The same where the store lists candidates: until they are seen to have left, or for so long; and between two looks.
LONGEST_COURTESY, LOOK = 10.0, 0.1
HAND_OVER, PAUSE, COME, PREFER = "handover", "pause", "come", "prefer"


def check_id(candidate: str) -> None:
    """
    Refuse an id that no request can name: a request is an id itself.

    Raises:
        ConfigurationError: It is too long.
    """
    if len(str(Request(PREFER, 2**63, candidate, MOST_PREFERRED))) > LONGEST_NAME:
        raise ConfigurationError(f"the id {shorten(candidate)} is too long to be asked for: a request is an id itself")


def control_name(election: str) -> str:
    """Return the name of the election in which requests to *election* are made."""
    return f"{election}.control"


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is asked.

    Attributes:
        do: "handover"; "pause"; "come", which has a candidate that lets others go first stand by; or "prefer", a
            hand-over that a candidate asks for itself, of a leader of lower preference.
        term: The token of the term that is to end; None if none is.
        to: Who is to lead next; None for anybody.
        preference: That of who is to lead, where that decides.
    """

    do: str
    term: int | None = None
    to: str | None = None
    preference: int | None = None

    @property
    def words(self) -> str:
        """What is asked, for people."""
        if self.do == PAUSE:
            return "a pause: nobody is elected anew"
        if self.do == COME:
            return f"that {self.to} stands by"
        if self.do == PREFER:
            return f"a hand-over to {self.to}, which is preferred"
        return f"a hand-over to {self.to or 'anybody'}"

    def ends(self, term: int | None, leader: str) -> bool:
        """Tell whether *leader*, whose term has that token, is to hand over."""
        return self.do == HAND_OVER and term == self.term and leader != self.to

    def __str__(self) -> str:
        parts = {"do": self.do, "from": self.term, "to": self.to, "preference": self.preference}
        return urlencode({name: value for name, value in parts.items() if value is not None})

    @classmethod
    def parse(cls, text: str) -> Request | None:
        """Return the request that a candidate's id is; None if it is none that is known here."""
        try:
            parts = dict(parse_qsl(text, strict_parsing=True))
        except ValueError:
            return None
        term, to, preference = (parts.get(name) for name in ("from", "to", "preference"))
        if parts.get("do") == PAUSE:
            return cls(PAUSE)
        if parts.get("do") == COME and to is not None:
            return cls(COME, to=to)
        if parts.get("do") == HAND_OVER and _is_number(term):
            return cls(HAND_OVER, int(term), to)
        if parts.get("do") == PREFER and to is not None and _is_number(term) and _is_number(preference):
            return cls(PREFER, int(term), to, int(preference))
        return None


def _is_number(text: str | None) -> TypeGuard[str]:
    return text is not None and text.isascii() and text.isdigit()


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

    def __init__(
        self,
        candidate: str,
        courtesy: float,
        *,
        told: float = COURTESY,
        preference: int = 0,
        head_start: float = 0.0,
        min_term: float = 0.0,
    ) -> None:
        self._candidate = candidate
        #: Whether the others were seen to stand aside.
        self._is_clear = False
        self._courtesy = courtesy
        self._told = told
        self._preference = preference
        self._min_term = min_term
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
            self._since, self._over, self._is_clear = now, inf, False
        self._token = control.token

    def listed(self, candidates: Collection[str]) -> None:
        """Take which candidates there are: the named one has a clear way when nobody else waits."""
        request = self.request
        if request is not None and request.to is not None:
            self._is_clear = request.to in candidates and set(candidates) <= {self._candidate, request.to}

    def led(self) -> None:
        """Take that this candidate leads, so that nobody's absence counts any more."""
        self._free = inf

    def saw(self, record: LeaderRecord, now: float) -> None:
        """Take what was read of the election itself."""
        self._free = inf if record.candidate is not None else min(self._free, now)
        if self.request is not None and record.token != self.request.term:
            self._over = min(self._over, now)

    def orders(self, leads: int | None, began: float = -inf) -> Orders:
        """
        Return what follows for this candidate.

        Args:
            leads: The token of its term; None while it does not lead.
            began: When that term has begun.
        """
        request = self.request
        start = self._free + self._head_start if self._head_start > 0.0 else -inf
        if request is None:
            return Orders(start)
        if request.do == PAUSE:
            return Orders(inf)
        if leads is not None:
            return Orders(start, self._hands_over_at(request, leads, began))
        if request.to == self._candidate:
            return Orders(-inf)
        if request.to is None or request.do == COME or (request.do == PREFER and not self._yields(request)):
            return Orders(start)
        return Orders(max(start, min(self._since + LONGEST_ASIDE, self._over + LEADERLESS)))

    def _hands_over_at(self, request: Request, leads: int, began: float) -> float | None:
        if request.ends(leads, self._candidate):
            return self._since + (0.0 if request.to is None or self._is_clear else self._courtesy)
        at = self._since + self._told  # whoever is not preferred starts later anyway
        is_preferred = request.do == PREFER and leads == request.term and self._yields(request)
        return at if is_preferred and at >= began + self._min_term else None

    def _yields(self, request: Request) -> bool:
        return request.preference is not None and request.preference > self._preference
