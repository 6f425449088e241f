"""`incumbent pause`: has nobody elected anew while it runs; who leads goes on."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from incumbent.address import Address
from incumbent.observer import read_leader
from incumbent.steer import paused

from ._output import clean, duration, show
from ._overview import read_one
from ._parser import add_elector, add_name, positive_seconds

if TYPE_CHECKING:
    import argparse

    from ._parser import Commands

DESCRIPTION = """\
Have nobody elected anew while this command runs: until Ctrl-C, SIGTERM, or the time of --for has passed. Who leads
goes on leading. It is the command that holds the pause: should it be killed, the pause ends after a ttl.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("pause", description=DESCRIPTION)
    add_elector(parser)
    add_name(parser)
    parser.add_argument(
        "--for", dest="seconds", type=positive_seconds, metavar="TIME", help="end by itself after that (default: never)"
    )


def run(args: argparse.Namespace) -> int:
    """Hold the pause, and say so."""
    address = Address.parse(args.elector)
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, _leave)  # until there is something to end in order
    try:
        request = read_one(address, args.name)[1].request
        if request is not None:
            show(f"waiting until this is over: {request.words}", at_once=True)
        with paused(address, args.name):
            signal.signal(signal.SIGTERM, lambda *_: ended.set())
            leader = read_leader(address, args.name).candidate
            leads = "nobody leads" if leader is None else f"{clean(leader)} leads on"
            until = "Ctrl-C" if args.seconds is None else f"Ctrl-C, for {duration(args.seconds)} at most"
            show(f"paused: {leads}; nobody is elected until {until}", at_once=True)
            ended.wait(args.seconds)
    finally:
        signal.signal(signal.SIGTERM, before)
    show("the pause is over")
    return 0


def _leave(number: int, _: object) -> None:
    # Not KeyboardInterrupt: Python itself dies of one that has come in the middle of an import, though it was caught.
    sys.exit(128 + number)
