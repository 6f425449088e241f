"""The page of what was tested shows the kinds of mistakes that there are, and what stands for each."""

import re
from pathlib import Path

from zoo.kinds import KINDS, mistake_of

PAGE = (Path(__file__).parents[2] / "docs/tested.md").read_text()


def test_kinds_are_shown():
    """The table is that of the helpers: each kind, the modules of its tests, and what is wrong in the two mistakes."""
    rows = [
        f"| {kind.what} | {', '.join(f'`{name}`' for name in kind.modules)} "
        f"| {' '.join(mistake_of(name).fault for name in kind.shown_by)} |"
        for kind in KINDS
    ]
    (shown,) = re.findall(r"^\| kind of mistake \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert shown.splitlines() == rows
