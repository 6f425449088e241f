"""What the commands print: plain words, aligned tables, JSON; nothing from outside reaches a terminal raw."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: As long as a candidate's id may be: whatever our own candidates write is shown in full.
LONGEST_VALUE = 255
LONGEST_MESSAGE = 2000
#: Columns that folded text has at least, however narrow the terminal is.
NARROWEST = 20

#: Colours, as terminals number them.
BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "1;31", "1;32", "1;33"


def clean(text: str, longest: int = LONGEST_VALUE) -> str:
    """
    Make *text* safe to show: control, ANSI and bidi characters and lone surrogates become escapes.

    Args:
        text: Anything; candidate ids and error messages may hold what others wrote.
        longest: Characters after which the rest is cut off, which an ellipsis shows.
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def complain(problem: object, code: int) -> int:
    """Print one line about *problem* on stderr, and return *code*."""
    # Nobody may be there to be told; without a stderr `print` would tell stdout.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"incumbent: {clean(str(problem), LONGEST_MESSAGE)}\n")
        sys.stderr.flush()
    return code


def forget_output() -> None:
    """Point stdout at nothing, so that the interpreter's own last flush cannot fail after ours did."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def paint(colour: str, text: str) -> str:
    """Return *text* in *colour* if stdout is a terminal whose reader has not declined colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    coloured = sys.stdout is not None and sys.stdout.isatty() and not plain
    return f"\x1b[{colour}m{text}\x1b[0m" if coloured else text


def show(line: str = "", *, at_once: bool = False) -> None:
    """Print *line*; what stdout's encoding cannot say is escaped. A pipe's reader gets it *at_once* if asked for."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=at_once)


def show_json(value: object) -> None:
    """Print *value* as JSON; in ASCII, so that no terminal or encoding can be hurt by it."""
    import json  # noqa: PLC0415 - only programs ask for it

    print(json.dumps(value, indent=2, allow_nan=False))


def fold(text: str, indent: int) -> list[str]:
    """Return *text* in lines that a terminal, *indent* columns of which are taken, need not break inside a word."""
    if sys.stdout is None or not sys.stdout.isatty():  # a program that reads wants whole lines
        return [text]
    import shutil  # noqa: PLC0415 - only people pay for it
    import textwrap  # noqa: PLC0415

    room = max(shutil.get_terminal_size().columns - indent, NARROWEST)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [text]


def show_folded(head: str, text: str, indent: int, *, colour: str | None = None, at_once: bool = False) -> None:
    """Print *text*, in *colour*, after *head*, which is *indent* columns wide, and what does not fit there below it."""
    for number, line in enumerate(fold(text, indent)):
        shown = paint(colour, line) if colour else line
        show(f"{' ' * indent if number else head}{shown}".rstrip(), at_once=at_once)


def show_table(rows: Iterable[Sequence[str]], heading: Sequence[str] = ()) -> None:
    """Print *rows* in columns as wide as their widest cell, the last of which is folded, under *heading* if given."""
    lines = [[clean(cell) for cell in row] for row in rows]
    if heading:
        lines.insert(0, list(heading))
    if not lines:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for *cells, last in lines:
        head = "".join(f"{cell.ljust(width)}  " for cell, width in zip(cells, widths, strict=False))
        show_folded(head, last, len(head))


def local_time(epoch: float) -> str:
    """Return *epoch* in this machine's zone, such as `2026-03-29 03:00:00 CEST`."""
    return _format(time.localtime, epoch, "%Y-%m-%d %H:%M:%S %Z")


def utc_time(epoch: float) -> str:
    """Return *epoch* in UTC, such as `2026-03-29 01:00:00 UTC`."""
    return _format(time.gmtime, epoch, "%Y-%m-%d %H:%M:%S UTC")


def _format(split: Callable[[float], time.struct_time], epoch: float, pattern: str) -> str:
    try:
        return time.strftime(pattern, split(epoch))
    except (OverflowError, ValueError, OSError):  # beyond the calendar: from a backend, or thousands of years ahead
        return f"{epoch!r} s after 1970"


def duration(seconds: float) -> str:
    """Return *seconds* for people, in the two largest units: `850 ms`, `12 s`, `3 h 20 min`, `4 d`."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    rest = round(seconds)
    for (large, size), (small, part) in pairwise((("d", 86400), ("h", 3600), ("min", 60), ("s", 1))):
        if rest >= size:
            count, rest = divmod(rest, size)
            return f"{count} {large}" + (f" {rest // part} {small}" if rest >= part else "")
    return f"{rest} s"
