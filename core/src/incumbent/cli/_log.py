"""What `incumbent run` tells of its election on stderr: how much of it, and in which form."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incumbent.errors import ConfigurationError

from ._output import LONGEST_MESSAGE, clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

VARIABLE = "INCUMBENT_LOG"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMS = ("text", "json")
#: Set for what systemd starts, whose journal has the time of each line.
JOURNAL = "JOURNAL_STREAM"


@dataclass(frozen=True)
class Log:
    """How much is told, and whether as JSON."""

    level: int
    is_json: bool


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add `--verbose`, `--quiet` and `--log-format`."""
    parser.add_argument("-v", "--verbose", action="store_true", help="also tell who leads, and of each term")
    parser.add_argument("-q", "--quiet", action="store_true", help="do not warn of outages, losses and the like")
    parser.add_argument("--log-format", metavar="FORM", help=f"text or json (default: ${VARIABLE}, or text)")


def chosen(args: argparse.Namespace) -> Log:
    """
    Return what the arguments say, and what the environment says where they do not.

    Raises:
        ConfigurationError: A value is none of those that there are.
    """
    level, form = logging.WARNING, "text"
    for word in filter(None, map(str.strip, os.environ.get(VARIABLE, "").lower().split(","))):
        if word in LEVELS:
            level = LEVELS[word]
        elif word in FORMS:
            form = word
        else:
            known = ", ".join((*LEVELS, *FORMS))
            raise ConfigurationError(f"{VARIABLE}: '{clean(word, 60)}' is none of {known}")
    if args.verbose and args.quiet:
        raise ConfigurationError("--verbose and --quiet: give one of them")
    if args.log_format not in (None, *FORMS):
        raise ConfigurationError(f"--log-format '{clean(args.log_format, 60)}' is none of {', '.join(FORMS)}")
    if args.verbose or args.quiet:
        level = logging.INFO if args.verbose else logging.ERROR
    return Log(level, (args.log_format or form) == "json")


@contextmanager
def told(log: Log, edit: Callable[[logging.LogRecord], str | None]) -> Iterator[None]:
    """Tell what the library logs, while the block runs; *edit* returns the words, or None to say nothing."""
    handler, logger = _Lines(log, edit), logging.getLogger("incumbent")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(log.level, logging.WARNING))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Lines(logging.Handler):
    """One line each, with nothing from outside that could upset a terminal."""

    def __init__(self, log: Log, edit: Callable[[logging.LogRecord], str | None]) -> None:
        super().__init__(log.level)
        self._is_json = log.is_json
        self._edit = edit

    def emit(self, record: logging.LogRecord) -> None:
        words = self._edit(record)
        # Nobody may be there to be told.
        if words is not None and sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.write(self._line(record, words) + "\n")
                sys.stderr.flush()

    def _line(self, record: logging.LogRecord, words: str) -> str:
        if self._is_json:
            facts = {name: getattr(record, name, None) for name in ("election", "candidate", "token", "reason")}
            return json.dumps({"at": record.created, "level": record.levelname.lower(), **facts, "message": words})
        shown = clean(words, LONGEST_MESSAGE)
        if sys.stderr.isatty() or os.environ.get(JOURNAL):
            return f"incumbent: {shown}"
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(record.created))} incumbent: {shown}"
