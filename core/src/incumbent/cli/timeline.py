"""`incumbent timeline`: draws what `incumbent watch --record` has kept: who led when, hand-overs, gaps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from incumbent.errors import ConfigurationError
from incumbent.timeline import Moment, draw, parse_moment, spans, summary

from ._output import clean, show

if TYPE_CHECKING:
    import argparse

    from ._parser import Commands

DESCRIPTION = """\
Draw who led an election when, and the gaps between, from a file that 'incumbent watch --record' has written,
as one SVG that every browser shows. What a bar or a gap stands for is said where the pointer rests on it.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("timeline", description=DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help="what 'incumbent watch --record FILE' has written; - for stdin")
    parser.add_argument("--name", metavar="NAME", help="the election, if the file has several")
    parser.add_argument("--output", metavar="SVG", help="where to write it (default: FILE with the ending .svg)")


def run(args: argparse.Namespace) -> int:
    """
    Write the SVG, and say in a line what is in it.

    Raises:
        ConfigurationError: The file holds something else; names the line.
    """
    shown = clean(args.file, 100)
    text = sys.stdin.read() if args.file == "-" else Path(args.file).read_text(encoding="utf-8", errors="replace")
    elections: dict[str, list[Moment]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            election, moment = parse_moment(line)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{shown}, line {number}: {error}; is it from 'incumbent watch --record'?"
            ) from None
        elections.setdefault(election, []).append(moment)
    name = _chosen(args.name, list(elections), shown)
    moments = elections[name]
    seen = spans(moments, max(moment.at for moment in moments))
    target = _target(args)
    drawing = draw(name, seen)
    if target is None:
        show(drawing.rstrip())
        return 0
    target.write_text(drawing, encoding="utf-8")
    show(f"{clean(name)}: {summary(seen)}")
    show(f"drawn in {clean(str(target))}")
    return 0


def _chosen(name: str | None, elections: list[str], shown: str) -> str:
    if not elections:
        raise ConfigurationError(f"{shown} is empty: record something with 'incumbent watch --record'")
    listed = ", ".join(repr(clean(each, 60)) for each in elections[:5])
    if name is None and len(elections) > 1:
        raise ConfigurationError(f"{shown} has several elections: choose one with --name: {listed}")
    if name is not None and name not in elections:
        raise ConfigurationError(f"{shown} has nothing of {clean(name, 60)!r}, but of {listed}")
    return name or elections[0]


def _target(args: argparse.Namespace) -> Path | None:
    """Return where to write; None for stdout."""
    if args.output is not None:
        return None if args.output == "-" else Path(args.output)
    return None if args.file == "-" else Path(args.file).with_suffix(".svg")
