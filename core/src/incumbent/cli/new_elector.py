"""`incumbent new-elector`: write a package that brings an elector, and whose tests pass at once."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from incumbent.advice import EXTRAS
from incumbent.errors import ConfigurationError
from incumbent.registry import brought_by

from ._output import clean, show

if TYPE_CHECKING:
    from ._parser import Commands

#: A package that works as it stands, and is tested as such. What is written is a copy of it under another name.
TEMPLATE = Path(__file__).with_name("template")
#: What is different in it, or besides, for a store behind a socket.
SERVER = Path(__file__).with_name("template_server")
#: How the template's own name is written: as a module's, as a class's, and everywhere else.
SPELLINGS = re.compile("incumbent_toy|Toy|toy")
#: The module of the template in whose place a server has a package.
REPLACED = Path("src/incumbent_toy/testing.py")
#: Longer names make lines longer than the package's own rules allow.
LONGEST_NAME = 30

DESCRIPTION = """\
Write a package that brings the elector NAME://. It works at once, on an SQLite file, or on a small server of its
own, and its tests are the conformance suite; the places to change for another store are marked `CHANGE:`.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("new-elector", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", type=_name, help="the scheme of its URLs, such as my-store")
    parser.add_argument(
        "--server",
        action="store_true",
        help="for a store behind a socket: with connections, news and a server to test on",
    )
    parser.add_argument("--directory", metavar="DIR", type=_directory, help="where to (default: ./incumbent-NAME)")


def run(args: argparse.Namespace) -> int:
    """Write the package, and say what to do with it."""
    owner = brought_by(args.name)
    if owner is not None:
        own = f"incumbent-{args.name}"
        is_own = owner.partition(" ")[0] == own and " and " not in owner and args.name not in EXTRAS
        remedy = f"to write it anew, first pip uninstall {own}" if is_own else "choose another name"
        raise ConfigurationError(f"the elector {args.name!r} exists already ({owner}): {remedy}")
    target: Path = args.directory or Path(f"incumbent-{args.name}")
    _refuse_used(target)
    for path, text in _files(args.name, server=args.server):
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    store = "a small server of its own" if args.server else "an SQLite file"
    show(f"{clean(str(target))}: the elector {args.name}://, on {store} until you change it")
    show()
    for command in (f"cd {_quoted(target)}", "pip install -e '.[testing]'", "pytest"):
        show(f"  {command}")
    show()
    show("Then make it your own: CHANGE: marks the places, and README.md says in which order.")
    return 0


def _name(text: str) -> str:
    """Parse NAME: what can be a URL's scheme, an entry point, a distribution and, but for hyphens, a module."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text) or len(text) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"'{clean(text, 60)}' cannot be its name: take lower-case letters, digits and single hyphens, "
            f"{LONGEST_NAME} characters at most, beginning with a letter, such as my-store"
        )
    if text == "leader":
        raise argparse.ArgumentTypeError("'leader' cannot be its name: its class would be a second LeaderElector")
    return text


def _directory(text: str) -> Path:
    """Parse DIR: what the system takes for a path."""
    try:
        if os.fsencode(text) and "\0" not in text:
            return Path(text)
    except UnicodeEncodeError:
        pass
    raise argparse.ArgumentTypeError(f"'{clean(text, 60)}' is no directory's name")


def _refuse_used(target: Path) -> None:
    """Check that nothing is there that could be overwritten."""
    if os.path.lexists(target) and not target.is_dir():
        raise ConfigurationError(f"{target} is no directory: choose another with --directory")
    if target.is_dir() and any(target.iterdir()):
        raise ConfigurationError(f"{target} is not empty: nothing is overwritten; choose another with --directory")


def _files(name: str, *, server: bool = False) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each file of the package for *name*."""
    words = {
        "incumbent_toy": f"incumbent_{name.replace('-', '_')}",
        "Toy": "".join(part.capitalize() for part in name.split("-")),
        "toy": name,
    }

    def renamed(text: str) -> str:
        return SPELLINGS.sub(lambda spelling: words[spelling[0]], text)

    sources = _sources(TEMPLATE)
    if server:
        sources |= _sources(SERVER)
        del sources[REPLACED]
    for path, source in sorted(sources.items()):
        yield Path(renamed(str(path))), renamed(source.read_text(encoding="utf-8"))


def _sources(template: Path) -> dict[Path, Path]:
    """Return the files of *template*, by their place in the package."""
    files = {file.relative_to(template): file for file in template.rglob("*") if file.is_file()}
    # Installing compiles whatever looks like a module, and other tools have caches of their own.
    return {path: file for path, file in files.items() if not any("cache" in part for part in path.parts)}


def _quoted(path: Path) -> str:
    from shlex import quote  # noqa: PLC0415 - one line needs it

    return clean(quote(str(path)))
