"""`incumbent doctor`: will elections work on this backend, and if not, what to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from incumbent.address import Address
from incumbent.diagnosis import diagnose

from ._output import DIM, GREEN, RED, YELLOW, clean, paint, show, show_folded, show_json
from ._parser import add_json, add_ttl

if TYPE_CHECKING:
    import argparse

    from incumbent.elector import Finding

    from ._parser import Commands

#: A finding may name a few endpoints.
LONGEST_LINE = 500
COLOURS = {"ok": GREEN, "warning": YELLOW, "error": RED}

DESCRIPTION = """\
Look at the backend at URL: endpoints, versions, security, limits; and hold a short election there on a
scratch name, which shows rights, timing and speed. Each finding comes with its remedy.
Exits with 0 if nothing keeps elections from working, and with 1 otherwise.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("doctor", description=DESCRIPTION)
    parser.add_argument("url", metavar="URL", help="the backend: a URL or the name of an elector")
    parser.add_argument(
        "--name",
        metavar="NAME",
        default="incumbent-doctor",
        help="hold the election below this name, where rights are limited (default: incumbent-doctor)",
    )
    add_ttl(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show each finding as it comes; people see the verdict last."""
    address = Address.parse(args.url)
    found = []
    for finding in diagnose(address, ttl=args.ttl, name=args.name):
        found.append(finding)
        if not args.json:
            _show(finding)
    errors, warnings = (sum(finding.level == level for finding in found) for level in ("error", "warning"))
    if args.json:
        show_json({"elector": str(address), "healthy": not errors, "findings": [asdict(finding) for finding in found]})
    else:
        verdict = "elections will not work here" if errors else "elections work here"
        counts = ", ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in ((errors, "error"), (warnings, "warning")))
        show()
        show(paint(RED if errors else GREEN, f"{verdict}: {counts}"))
    return 1 if errors else 0


def _show(finding: Finding) -> None:
    head = f"{paint(COLOURS[finding.level], finding.level.ljust(7))}  "
    show_folded(head, clean(finding.text, LONGEST_LINE), 9, at_once=True)
    if finding.remedy:
        show_folded(f"{'':9}{paint(DIM, '->')} ", clean(finding.remedy, LONGEST_LINE), 12, colour=DIM, at_once=True)
