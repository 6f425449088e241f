"""What happened in one test, in order: who called what, when, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from incumbent import Claim, LeaderRecord
from incumbent.address import printable, shorten

__all__ = ["Event", "Journal"]

T = TypeVar("T")

#: Characters of an error's message that are kept.
LONGEST = 200
#: Events that are kept of a test; of more, those in the middle are left out.
MOST = 1000
#: Seconds from which on it is told how long an answer took.
WORTH_TELLING = 0.05


@dataclass(frozen=True)
class Event:
    """
    One thing that happened in a test.

    Attributes:
        at: Seconds after the first thing that happened, on the harness's clock.
        who: A candidate of the test, or the harness.
        did: What it did.
        came: What it was answered.
        took: Seconds until the answer, on the same clock.
    """

    at: float
    who: str
    did: str
    came: str = ""
    took: float = 0.0

    def to_text(self) -> str:
        """Return one line for people."""
        came = f" → {self.came}" if self.came else ""
        took = f" (after {self.took:.2f} s)" if self.took >= WORTH_TELLING else ""
        return f"{self.at:8.3f} s  {self.who:<8} {self.did}{came}{took}"


@dataclass
class _Entry:
    at: float
    who: str
    did: str
    came: str
    took: float = 0.0
    count: int = 1
    last: float = 0.0

    def repeats(self, other: _Entry) -> bool:
        return (self.who, self.did, self.came) == (other.who, other.did, other.came)


class Journal:
    """
    Keeps what happens. Thread-safe.

    Args:
        clock: That of the harness, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._left_out = 0
        self._names: dict[str, str] = {}
        #: What is called by the name that an event has of it.
        self.methods: dict[str, Callable[..., object]] = {}

    def name(self, unique: str, shown: str) -> str:
        """Show candidate *unique* as *shown* from now on, and return that."""
        with self._lock:
            return self._names.setdefault(unique, shown)

    def call(self, who: str, did: str, call: Callable[[], T]) -> T:
        """Return what *call* returns or raises, and keep it."""
        entry = self.note(who, did, "no answer yet")
        try:
            answer = call()
        except BaseException as error:
            entry.came = f"raised {type(error).__name__}: {self.tidy(_message(error))}"
            raise
        else:
            entry.came = self._described(answer)
            return answer
        finally:
            entry.took = self._clock() - self._began - entry.at

    def note(self, who: str, did: str, came: str = "") -> _Entry:
        """Keep that something happened."""
        entry = _Entry(self._clock() - self._began, who, did, came)
        with self._lock:
            self._fold()
            self._entries.append(entry)
            if len(self._entries) > MOST:
                del self._entries[MOST // 2]
                self._left_out += 1
        return entry

    def events(self) -> tuple[Event, ...]:
        """Return everything in order; what came several times running is one event."""
        with self._lock:
            self._fold()
            events = [
                Event(round(entry.at, 3), entry.who, entry.did, entry.came + _times(entry), round(entry.took, 3))
                for entry in self._entries
            ]
            if self._left_out:
                middle = MOST // 2
                events.insert(middle, Event(events[middle - 1].at, "…", f"{self._left_out} more"))
            return tuple(events)

    def tidy(self, text: str) -> str:
        """Return *text* with the candidates' short names."""
        for unique, shown in self._names.copy().items():
            text = text.replace(unique, shown)
        return text

    def _fold(self) -> None:
        """Make one of the last two entries if they say the same: who polls would fill pages."""
        if len(self._entries) > 1 and self._entries[-1].repeats(self._entries[-2]):
            repeated = self._entries.pop()
            self._entries[-1].count += 1
            self._entries[-1].last = repeated.at

    def _described(self, answer: object) -> str:
        try:
            if isinstance(answer, Claim):
                sent = answer.sent - self._began
                return f"a claim: token {answer.token}, kept for {answer.guarantee:g} s from {sent:.3f} s on"
            if isinstance(answer, LeaderRecord):
                others = f"; candidates {', '.join(answer.candidates)}" if answer.candidates else ""
                leader = "nobody" if answer.candidate is None else f"{answer.candidate}, token {answer.token}"
                return self.tidy(printable(f"leader: {leader}{others}"))
            if hasattr(answer, "claim"):  # a candidate in another process
                return self._described(answer.claim)
        except Exception:  # what an elector returns may be anything: then it is shown as it is
            return self.tidy(shorten(answer))
        return self.tidy(shorten(answer))


def _times(entry: _Entry) -> str:
    return "" if entry.count == 1 else f" ({entry.count} times, until {entry.last:.3f} s)"


def _message(error: BaseException) -> str:
    try:
        return printable(" ".join(str(error).split()))[:LONGEST]
    except Exception:
        return "(a message that cannot be shown)"
