"""`incumbent explain`: when a relinquish spec would make a leader hand over."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from incumbent.schedule import Every, parse_spec, upcoming

from ._output import clean, duration, local_time, show, show_json, show_table, utc_time
from ._parser import add_json, number_to

if TYPE_CHECKING:
    from ._parser import Commands

MOST = 1000

DESCRIPTION = """\
Show the next times of a relinquish spec, in the zone of this machine and in UTC.

A spec is five cron fields ('30 2 * * 1-5'), a name such as @daily, or '@every 1h30m', which counts
from the beginning of each term. 'CRON_TZ=Europe/Paris ' before the fields chooses the zone.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("explain", description=DESCRIPTION)
    parser.add_argument("spec", metavar="SPEC", help="the spec, quoted for the shell")
    parser.add_argument(
        "--count", type=number_to(MOST), default=5, metavar="N", help="how many times to show (default: 5)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the next times."""
    schedule = parse_spec(args.spec)
    now = time.time()
    times = upcoming(schedule, now, args.count)
    if args.json:
        moments = [{"epoch": t, "local": local_time(t), "utc": utc_time(t)} for t in times]
        show_json({"spec": schedule.text, "description": schedule.describe(), "times": moments})
        return 0
    counted = " from the beginning of a term; if one began now" if isinstance(schedule, Every) else ""
    show(f"{clean(schedule.describe())}{counted}:")
    # Where this machine's zone is UTC, once is enough.
    shown = [list(dict.fromkeys((local_time(t), utc_time(t)))) for t in times]
    show_table([(f"  {'  '.join(zones)}", f"in {duration(t - now)}") for t, zones in zip(times, shown, strict=True)])
    return 0
