"""`incumbent conformance`: run the shipped suite against a backend, without a test file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incumbent.testing import run_conformance

from ._output import RED, clean, paint, show
from ._parser import add_json

if TYPE_CHECKING:
    import argparse

    from incumbent.testing import Outcome

    from ._parser import Commands

#: Of a failed test's detail, as much as fits a few lines; JSON has it whole.
LONGEST_LINE = 500

DESCRIPTION = """\
Run the conformance suite of incumbent against the backend at URL. Each test cites the promises that it
checks, and is chosen by what the elector declares. The suite uses elections of its own in that store.
Exits with 0 if the elector conforms, and with 1 if not. Needs pytest: pip install 'incumbent[testing]'.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("conformance", description=DESCRIPTION)
    parser.add_argument("url", metavar="URL", help="the backend: a URL or the name of an elector")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the suite; people see each test when it ends, and the rest and the counts last."""
    if args.json:
        report = run_conformance(args.url)
        show(report.to_json())
    else:
        report = run_conformance(args.url, progress=_show_outcome)
        show()
        for line in report.summary().splitlines():
            show(clean(line, LONGEST_LINE))
    return report.exit_status


def _show_outcome(outcome: Outcome) -> None:
    line = clean(outcome.to_text(), LONGEST_LINE)
    show(paint(RED, line) if outcome.result == "failed" else line, at_once=True)
