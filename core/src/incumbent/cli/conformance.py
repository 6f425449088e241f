"""`incumbent conformance`: run the shipped suite against a backend, without a test file."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from incumbent.errors import ConfigurationError
from incumbent.testing import run_conformance

from ._output import RED, clean, paint, show
from ._parser import add_json, number_to
from ._progress import Lines, LiveLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from incumbent.testing import ConformanceReport

    from ._parser import Commands

#: Of a line about a test, as much as fits a few lines of a terminal; JSON has it whole.
LONGEST_LINE = 500

DESCRIPTION = """\
Run the conformance suite of incumbent against the backend at URL. Each test cites the promises that it
checks, and is chosen by what the elector declares. The suite uses elections of its own in that store.
Exits with 0 if the elector conforms, and with 1 if not. Needs pytest: pip install 'incumbent[testing]'.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("conformance", description=DESCRIPTION)
    parser.add_argument(
        "url", metavar="URL", help="the backend: a URL; or the name of an elector, which brings its own"
    )
    add_json(parser)
    parser.add_argument("--report", metavar="FILE", help="also write the report to FILE, as Markdown")
    parser.add_argument(
        "--jobs", type=number_to(1000), metavar="N", help="run N tests at a time (default: by the number of processors)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the suite, and tell what it found as it was asked for."""
    # Before the tests, which take their time: a file that cannot be written must not cost them.
    with _opened(args.report) as page:
        if args.json:
            report = run_conformance(args.url, jobs=args.jobs)
            show(report.to_json())
        else:
            report = _shown(args)
        if page is not None:
            _write(page, args.report, report.to_markdown())
    return report.exit_status


def _shown(args: argparse.Namespace) -> ConformanceReport:
    """Run the suite; people see each test when it ends, then what failed and why, and the counts last."""
    is_live = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    progress = LiveLine() if is_live else Lines()
    try:
        report = run_conformance(args.url, progress=progress, jobs=args.jobs)
    finally:
        progress.end()
    for failure in report.failures():
        title, *rest = (clean(line, LONGEST_LINE) for line in failure.splitlines())
        show(f"\n{paint(RED, title)}")
        for line in rest:
            show(line)
    show()
    for line in report.summary().splitlines():
        show(clean(line, LONGEST_LINE))
    return report


@contextmanager
def _opened(path: str | None) -> Iterator[TextIO | None]:
    """Open the file at *path*, if there is to be one; what is in it stays there until the report is."""
    if path is None:
        yield None
        return
    file = Path(path)
    try:
        is_new = not file.exists()
        page = file.open("a", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error
    with page:
        try:
            yield page
        except BaseException:
            if is_new:
                file.unlink(missing_ok=True)
            raise


def _write(page: TextIO, path: str, text: str) -> None:
    rest = text.encode()
    try:
        if stat.S_ISREG(os.fstat(page.fileno()).st_mode):
            page.truncate(0)
        while rest:  # past the buffer, which would be written once more at the end
            rest = rest[os.write(page.fileno(), rest) :]
    except OSError as error:  # the disk is full
        raise _unwritable(path, error) from error


def _unwritable(path: str, error: Exception) -> ConfigurationError:
    reason = getattr(error, "strerror", None) or error
    return ConfigurationError(f"--report: {clean(path)} cannot be written: {reason}")
