"""`incumbent relinquish`: asks the present leader to hand over, to anybody or to a named candidate."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from incumbent.address import Address
from incumbent.steer import Result, hand_over

from ._output import clean, complain, duration, show, show_json
from ._parser import add_elector, add_json, add_name, positive_seconds

if TYPE_CHECKING:
    import argparse

    from ._parser import Commands

CODES = {Result.DONE: 0, Result.REFUSED: 3, Result.ANOTHER: 4, Result.LATE: 124}

DESCRIPTION = """\
Ask the present leader to hand over, in order: its command ends first. With --to the other candidates stand
aside for that one while the leader still leads. Ctrl-C takes the request back.
"""
EXIT_CODES = """\
exit codes: 0 done; 3 refused: nobody leads, or ID is no candidate, or leads already; 4 another candidate than ID leads;
124 not handed over in time
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("relinquish", description=DESCRIPTION, epilog=EXIT_CODES)
    add_elector(parser)
    add_name(parser)
    parser.add_argument("--to", metavar="ID", help="the candidate that is to lead (default: any)")
    parser.add_argument(
        "--wait", type=positive_seconds, default=30.0, metavar="TIME", help="wait so long at most (default: 30)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, wait, and say what has come of it."""
    outcome = hand_over(Address.parse(args.elector), args.name, to=args.to, timeout=args.wait)
    if args.json:
        show_json({**asdict(outcome), "result": outcome.result.value})
    elif outcome.problem is not None:
        complain(clean(outcome.problem, 500), 0)
    else:
        instead = "instead " if outcome.result is Result.ANOTHER else ""
        show(f"{instead}led by {clean(str(outcome.leader))}, token {outcome.token}, after {duration(outcome.seconds)}")
    return CODES[outcome.result]
