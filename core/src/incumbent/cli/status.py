"""`incumbent status`: who leads an election, or all of them, read once and without becoming a candidate."""

from __future__ import annotations

import math
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from incumbent.address import Address
from incumbent.errors import ConfigurationError
from incumbent.observer import observe

from ._output import clean, complain, duration, local_time, show_json, show_table
from ._overview import HEADING, MOST, Seen, lines, read_all, read_one
from ._parser import add_elector, add_json, positive_seconds

if TYPE_CHECKING:
    import argparse

    from incumbent.elector import LeaderRecord

    from ._parser import Commands

#: Exit codes for scripts, with `--led` or `--led-by`.
NOBODY_LEADS, ANOTHER_LEADS, NOT_IN_TIME = 3, 4, 124

EXIT_CODES = """\
exit codes: 0 whether anybody leads or not; with --led or --led-by 0 only if that is so, 3 nobody leads,
4 another candidate leads; with --wait 124 it has not been so in time
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    what = "Show who leads an election, since when, and its candidates."
    parser = commands.add_parser("status", description=what, epilog=EXIT_CODES)
    add_elector(parser)
    parser.add_argument("--name", metavar="NAME", help="the election, such as service/reports")
    parser.add_argument("--all", action="store_true", help="show all elections that the backend lists")
    parser.add_argument("--led", action="store_true", help="end with 0 only if somebody leads")
    parser.add_argument("--led-by", metavar="ID", help="end with 0 only if that candidate leads")
    parser.add_argument("--wait", type=positive_seconds, metavar="TIME", help="wait so long at most until it is so")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print who leads; 0 whether anybody does or not, unless more is asked for."""
    given = Address.parse(args.elector)
    if args.all:
        return _show_all(args, given)
    if args.name is None:
        raise ConfigurationError("an election is required: --name NAME, or --all (see 'incumbent status --help')")
    known, seen = read_one(given, args.name)
    if args.wait is not None and _code(args, seen.record) != 0:
        later = _awaited(args, given)
        seen = seen if later is None else Seen(later, seen.request)
    address = known or given
    if args.json:
        show_json(_for_programs(address, seen))
    else:
        show_table(_for_people(address, seen, time.time()))
    code = _code(args, seen.record)
    if code != 0 and args.wait is not None:
        who = "nobody" if args.led_by is None else clean(args.led_by)
        led = "has led" if args.led_by is None else "has not led"
        return complain(f"{who} {led} {clean(args.name)} within {args.wait:g} s", NOT_IN_TIME)
    return code


def _show_all(args: argparse.Namespace, given: Address) -> int:
    """Print a line for each election, or an object."""
    if args.name is not None or args.led or args.led_by is not None or args.wait is not None:
        raise ConfigurationError("--all shows what there is: give --name, --led, --led-by and --wait without it")
    address, elections, is_partial = read_all(given)
    if args.json:
        show_json([_for_programs(address, seen) for seen in elections])
    elif elections:
        show_table(lines(elections, time.time()), HEADING)
    else:
        show_table([("elector", str(address)), ("elections", "none")])
    if is_partial:
        complain(f"there are more: these are {MOST} of them", 0)
    return 0


def _code(args: argparse.Namespace, record: LeaderRecord) -> int:
    """Return the exit code for what is asked of *record*."""
    if args.led_by is None and not args.led and args.wait is None:
        return 0
    if record.candidate is None:
        return NOBODY_LEADS
    return 0 if args.led_by in (None, record.candidate) else ANOTHER_LEADS


def _awaited(args: argparse.Namespace, address: Address) -> LeaderRecord | None:
    """Wait until what is asked for is so, and return what was seen last."""
    stop = threading.Event()
    timer = threading.Timer(args.wait, stop.set)
    timer.daemon = True
    timer.start()
    last = None
    with closing(observe(address, args.name, stop=stop)) as records:
        for last in records:
            if _code(args, last) == 0:
                break
    timer.cancel()
    return last


def _for_programs(address: Address, seen: Seen) -> dict[str, Any]:
    """Return it as JSON has it; the time as seconds since the epoch, as it was given."""
    record, request = seen.record, seen.request
    known = record.since is not None and math.isfinite(record.since)
    return {
        "elector": str(address),
        "name": record.lock_id,
        "leader": record.candidate,
        "token": record.token,
        "since": record.since if known else None,
        "info": record.info,
        "candidates": None if record.candidates is None else list(record.candidates),
        "request": None if request is None else {"do": request.do, "from": request.term, "to": request.to},
        "waits_for": seen.waits_for,
    }


def _for_people(address: Address, seen: Seen, now: float) -> list[tuple[str, str]]:
    """Return it as lines of a table; a time that the backend does not say is left out."""
    record = seen.record
    rows = [("election", record.lock_id), ("elector", str(address))]
    if record.candidate is None:
        rows.append(("leader", "nobody"))
    else:
        rows += [("leader", record.candidate), ("token", str(record.token))]
        rows += [] if record.info is None else [("info", record.info)]
    if record.since is not None:
        # By the leader's clock, which may be ahead of ours.
        ago = f" ({duration(now - record.since)} ago)" if 0 <= now - record.since < math.inf else ""
        rows.append(("since", local_time(record.since) + ago))
    if seen.request is not None:
        rows.append(("asked for", seen.request.words))
    if seen.waits_for is not None:
        rows.append(("waits for", f"{seen.waits_for}, to hand over: nobody leads until that has returned"))
    listed = ("not listed by this elector",) if record.candidates is None else record.candidates or ("none",)
    rows += [("candidates" if n == 0 else "", line) for n, line in enumerate(listed)]
    if len(set(listed)) < len(listed):
        rows.append(
            ("hint", "an id is there twice: unless its candidate has just come back, two share it; give each its own")
        )
    return rows
