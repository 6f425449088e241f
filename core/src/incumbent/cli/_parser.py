"""The argument parser: argparse with one-line errors, no abbreviations and no option given twice."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, Any, NoReturn

from incumbent import __version__
from incumbent.errors import ConfigurationError

from ._output import clean, complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    # argparse has no public name for what `add_subparsers` returns.
    Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001

#: Where an election is held if nobody says otherwise: on this machine, with no server.
DEFAULT_ELECTOR = "local://"
ELECTOR_VARIABLE = "INCUMBENT_ELECTOR"


class _Once(argparse.Action):
    """Store a value, and refuse to silently let a second one win."""

    given = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if self.given and option_string:
            parser.error(f"{option_string} is given twice; give it once")
        self.given = True
        setattr(namespace, self.dest, values)


class _Version(argparse.Action):
    """Print the version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"incumbent {__version__}")
        parser.exit()


class Parser(argparse.ArgumentParser):
    """An argument parser in this command line's manners; commands get one each."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)
        self.register("action", None, _Once)
        #: What must be there, as `parse` sees to itself.
        self._required: list[argparse.Action] = []

    def format_help(self) -> str:
        """Return the help, which shows what must be there."""
        for action in self._required:
            action.required = True
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the arguments, and exit with code 2."""
        self.exit(complain(f"{message.removeprefix('argument ')} (see '{self.prog} --help')", 2))

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """
        Parse *arguments*, and look for what is unknown before what is missing: a misspelt option is both.

        Raises:
            SystemExit: Help was asked for (code 0) or something is wrong (code 2); all has been printed.
        """
        self._required = [action for action in self._actions if action.required]
        for action in self._required:
            action.required = False
        args, rest = self.parse_known_args(arguments)
        option = next((text for text in rest if text.startswith("-")), None)
        if option is not None:
            self.error(_unknown("option", option.split("=")[0], self.option_names()))
        if rest:
            self.error(f"unexpected argument {_quote(rest[0])}")
        missing = [action for action in self._required if getattr(args, action.dest) is None]
        if missing:
            names = ("/".join(action.option_strings) or str(action.metavar) for action in missing)
            self.error(f"the following arguments are required: {', '.join(names)}")
        return args

    def option_names(self) -> list[str]:
        """Return every option that this parser knows."""
        return [name for action in self._actions for name in action.option_strings]


def make_parser() -> tuple[Parser, Commands]:
    """Return the parser of `incumbent`, and where its commands are added."""
    parser = Parser(prog="incumbent", description="Elect one leader among the running copies of a service.")
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", required=True, parser_class=Parser
    )
    return parser, commands


def parse(parser: Parser, commands: Commands, arguments: Sequence[str]) -> argparse.Namespace:
    """
    Parse *arguments*.

    Raises:
        SystemExit: Help was asked for (code 0) or something is wrong (code 2); all has been printed.
    """
    if not arguments:  # who types just that wants to know what there is; a script has made a mistake
        parser.exit(2, parser.format_help())
    first = arguments[0]
    if first in parser.option_names():
        parser.parse_args([first])
    if first not in commands.choices:
        kind = "option" if first.startswith("-") else "command"
        known = parser.option_names() if kind == "option" else list(commands.choices)
        parser.error(_unknown(kind, first, known))
    args = commands.choices[first].parse(arguments[1:])
    args.command = first
    return args


def add_elector(parser: argparse.ArgumentParser) -> None:
    """Add `--elector`, the URL of the backend."""
    parser.add_argument(
        "--elector",
        metavar="URL",
        default=os.environ.get(ELECTOR_VARIABLE) or DEFAULT_ELECTOR,
        help=f"the backend: a URL or the name of an elector (default: ${ELECTOR_VARIABLE}, or {DEFAULT_ELECTOR})",
    )


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add `--name`, the election."""
    parser.add_argument("--name", required=True, metavar="NAME", help="the election, such as service/reports")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, the answer for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_ttl(parser: argparse.ArgumentParser) -> None:
    """Add `--ttl`."""
    parser.add_argument(
        "--ttl",
        type=positive_seconds,
        default=15.0,
        metavar="TIME",
        help="how long a silent leader's claim is kept (default: 15)",
    )


def seconds(text: str) -> float:
    """Parse a time: seconds, or such as `1m30s`."""
    from incumbent.fields import LONGEST  # noqa: PLC0415 - not for `--help`
    from incumbent.schedule import parse_duration  # noqa: PLC0415

    number = re.fullmatch(r"[0-9]+(\.[0-9]*)?", text)
    try:
        parsed = float(text) if number else parse_duration(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(f"{error}; plain seconds are taken, too") from None
    if parsed > LONGEST:
        raise argparse.ArgumentTypeError(f"'{clean(text, 60)}' is more than a century")
    return parsed


def positive_seconds(text: str) -> float:
    """Parse a time that is not 0."""
    parsed = seconds(text)
    if parsed <= 0.0:
        raise argparse.ArgumentTypeError(f"'{clean(text, 60)}' must be more than 0 seconds")
    return parsed


def number_to(most: int, least: int = 1) -> Callable[[str], int]:
    """Return what parses a whole number up to *most*: ASCII digits only, as `int` takes more than people mean."""

    def parse(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"'{clean(text, 60)}' is not a whole number from {least} to {most}")
        return number

    return parse


def where_to_listen(text: str) -> tuple[str, int]:
    """Parse `[HOST]:PORT`; without a host it is on this machine only."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not colon or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise argparse.ArgumentTypeError(f"'{clean(text, 60)}' is no [HOST]:PORT, such as :8080 or 0.0.0.0:8080")
    return host or "127.0.0.1", int(port)


def _unknown(kind: str, given: str, known: Iterable[str]) -> str:
    """Say that *given* is no known option or command, and which is the nearest."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a wrong command line pays for it

    nearest = get_close_matches(given, list(known), n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"unknown {kind} {_quote(given)}{hint}"


def _quote(value: str) -> str:
    return f"'{clean(value, 60)}'"
