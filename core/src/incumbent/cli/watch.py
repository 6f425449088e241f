"""`incumbent watch`: who leads an election, live; and kept in a file, from which `incumbent timeline` draws."""

from __future__ import annotations

import json
import math
import select
import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from incumbent.address import Address
from incumbent.elector import LeaderRecord
from incumbent.errors import BackendUnavailableError
from incumbent.observer import sights
from incumbent.timeline import Moment

from ._output import BOLD, DIM, RED, YELLOW, clean, duration, paint, show
from ._parser import add_elector, add_name, number_to

if TYPE_CHECKING:
    import argparse

    from ._parser import Commands

DESCRIPTION = """\
Show who leads an election, and every change, until Ctrl-C. It is no candidate, and writes nothing to the backend.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("watch", description=DESCRIPTION)
    add_elector(parser)
    add_name(parser)
    parser.add_argument("--count", type=number_to(1_000_000), metavar="N", help="end after N lines (default: never)")
    parser.add_argument("--record", metavar="FILE", help="also append what is seen to FILE, for 'incumbent timeline'")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Print a line for each change."""
    with ExitStack() as stack:
        file = stack.enter_context(Path(args.record).open("a", encoding="utf-8")) if args.record is not None else None
        unread = _Unread()
        seen = stack.enter_context(closing(sights(Address.parse(args.elector), args.name, stop=unread)))
        teller = _Teller(args.name, file, is_json=args.json)
        lines = 0
        for each in seen:
            lines += teller.tell(each, time.time())
            if args.count is not None and lines >= args.count:
                return 0
    if unread.is_set():
        raise BrokenPipeError  # as the next line would
    return 0


class _Unread(threading.Event):
    """Set when the reader of stdout has gone, such as `grep -m 1`: a line that would show it may be days away."""

    def is_set(self) -> bool:
        if sys.stdout is None:
            return False
        try:
            pipe = select.poll()
            pipe.register(sys.stdout, 0)  # what is asked for: nothing but errors
            return any(event & (select.POLLERR | select.POLLHUP) for _, event in pipe.poll(0))
        except (OSError, ValueError):  # it is no file, or closed
            return False


class _Teller:
    """Makes lines of what is seen, for people or for programs, and keeps it in the file."""

    def __init__(self, election: str, file: IO[str] | None, *, is_json: bool) -> None:
        self._election = election
        self._file = file
        self._is_json = is_json
        self._last: Moment | None = None

    def tell(self, seen: LeaderRecord | BackendUnavailableError, at: float) -> bool:
        """Print it, if it is worth a line; tell whether it was."""
        last, now = self._last, _moment(seen, at)
        is_new = last is None or replace(now, at=last.at) != last
        if is_new:
            self._last = now
        if not is_new and not self._is_json:  # another candidate has come, or gone
            return False
        facts = _facts(self._election, seen, at)
        if self._file is not None and is_new:
            self._file.write(json.dumps(facts) + "\n")
            self._file.flush()
        if self._is_json:
            show(json.dumps(facts), at_once=True)
        else:
            show(f"{paint(DIM, _clock(at))}  {_words(now, seen, last)}", at_once=True)
        return True


def _moment(seen: LeaderRecord | BackendUnavailableError, at: float) -> Moment:
    if isinstance(seen, BackendUnavailableError):
        return Moment(at, is_known=False)
    return Moment(at, seen.candidate, None if seen.candidate is None else seen.token)


def _facts(election: str, seen: LeaderRecord | BackendUnavailableError, at: float) -> dict[str, Any]:
    """Return what `incumbent.timeline.parse_moment` reads."""
    facts: dict[str, Any] = {"at": round(at, 3), "election": election}
    if isinstance(seen, BackendUnavailableError):
        return {**facts, "leader": None, "token": None, "error": str(seen)}
    known = seen.since is not None and math.isfinite(seen.since)
    return {
        **facts,
        "leader": seen.candidate,
        "token": seen.token,
        "since": seen.since if known else None,
        "info": seen.info,
        "candidates": None if seen.candidates is None else list(seen.candidates),
    }


def _words(now: Moment, seen: LeaderRecord | BackendUnavailableError, last: Moment | None) -> str:
    """Return the line for people: who leads, and for how long it was otherwise."""
    after = "" if last is None else f", after {duration(now.at - last.at)}"
    if isinstance(seen, BackendUnavailableError):
        return paint(RED, f"the backend does not answer{after}: {clean(str(seen), 300)}")
    if now.leader is None:
        ended = "" if last is None or last.leader is None else f" of {clean(last.leader)}"
        return paint(YELLOW, f"nobody leads{after}{ended}")
    info = "" if seen.info is None else f" ({clean(seen.info)})"
    text = f"{paint(BOLD, clean(now.leader))} leads, token {now.token}{info}"
    if last is None:
        return text
    if last.leader is not None:
        return f"{text}{after} of {clean(last.leader)}"
    return f"{text}{after} without a leader" if last.is_known else f"{text}{after} in which nothing was known"


def _clock(at: float) -> str:
    """Return the time: short for people who look on, with the date and the zone for a file."""
    pattern = "%H:%M:%S" if sys.stdout is not None and sys.stdout.isatty() else "%Y-%m-%dT%H:%M:%S%z"
    return time.strftime(pattern, time.localtime(at))
