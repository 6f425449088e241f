"""The command line: dispatch to one command, and turn whatever happens into one line and an exit code."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from incumbent.errors import ConfigurationError, ElectionError

from ._output import complain, forget_output

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "script"]

#: Every command is the module of that name, `-` being `_`, with `add_parser(commands)` and `run(args) -> int`.
#: Only the one that is called is imported, so that `incumbent --help` stays light.
COMMANDS = {
    "run": "run a command only while leading",
    "status": "show who leads an election",
    "watch": "show who leads, and every change, live",
    "relinquish": "ask the present leader to hand over",
    "pause": "have nobody elected anew for a while",
    "timeline": "draw who led when, from what 'watch' has recorded",
    "electors": "list the installed electors and what they can do",
    "doctor": "find out whether elections will work on a backend",
    "explain": "show the next times of a relinquish spec",
    "conformance": "run the conformance suite against a backend",
    "new-elector": "write a package that brings an elector, with tests that pass",
    "demo": "watch leaders being killed and succeeded, on this machine",
}

WRONG_USE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def script() -> NoReturn:
    """Run the command line as a process of its own, and end that as soon as it is done."""
    code = main()
    gc.freeze()  # else Python looks for garbage in all libraries before it ends: up to 40 ms, when a successor begins
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line.

    Args:
        argv: The arguments after the program's name; those of this process if left out.

    Returns:
        The exit code. Nothing is raised: errors are one line on stderr.
    """
    try:
        code = _dispatch(sys.argv[1:] if argv is None else list(argv))
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk or a closed pipe must show in the exit code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        forget_output()
        return BROKEN_PIPE
    except ConfigurationError as error:
        return complain(error, WRONG_USE)
    except ElectionError as error:
        return complain(error, 1)
    except OSError as error:
        forget_output()
        return complain(error, 1)
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        return complain(f"this is a bug: {type(error).__name__}: {error} (PYTHONDEVMODE=1 shows where)", 1)
    return code


def _dispatch(arguments: list[str]) -> int:
    """Import the command that *arguments* begin with, parse the rest, run it."""
    from ._parser import make_parser, parse  # noqa: PLC0415 - see COMMANDS

    if arguments[:1] == ["help"]:  # as many tools have it
        arguments = [*arguments[1:2], "--help"]
    parser, commands = make_parser()
    for name, summary in COMMANDS.items():
        if name in arguments[:1]:
            module_of(name).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    try:
        args = parse(parser, commands, arguments)
    except SystemExit as done:  # argparse has printed help, the version or what is wrong
        return done.code if isinstance(done.code, int) else 0
    code: int = module_of(args.command).run(args)
    return code


def module_of(command: str) -> Any:
    """Import the module of one command."""
    from importlib import import_module  # noqa: PLC0415 - see COMMANDS

    return import_module(f".{command.replace('-', '_')}", __name__)
