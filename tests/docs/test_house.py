"""The house that the pages draw is the one that is held, and what its walks pass is there."""

import re
import sys
from pathlib import Path

import pytest

from incumbent import LeaderElector, election, term
from incumbent.engine import alarms, calls, candidacy, dispatch, following, leading, machine, relinquishing, runner
from incumbent.toolkit import keepalive

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
WALKED = (
    alarms,
    calls,
    candidacy,
    dispatch,
    machine,
    following,
    leading,
    relinquishing,
    runner,
    election,
    term,
    keepalive,
)


def held(package):
    """Return the floors of *package* that the linter holds, from the roof down."""
    (floors,) = [contract["layers"] for contract in CONTRACTS if contract.get("containers") == [package]]
    return [sorted(re.findall(r"\w+", floor)) for floor in floors]


def drawn(page):
    """Return the floors of each picture on *page*."""
    pictures = re.findall(r"^```text\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [[re.split(" {2,}", line)[0].split(" | ") for line in picture.splitlines()] for picture in pictures]


def test_house_is_drawn_as_it_is_held():
    """What the design page shows of the core and of its engine are the layers of the linter, in their order."""
    assert drawn("docs/design.md") == [held("incumbent"), held("incumbent.engine")]


def test_contributors_see_the_same_house():
    """CONTRIBUTING has the picture of the core too."""
    assert drawn("CONTRIBUTING.md") == [held("incumbent")]


def test_every_room_says_what_it_holds():
    """Each floor of a picture has its words."""
    for page in ("docs/design.md", "CONTRIBUTING.md"):
        for picture in re.findall(r"^```text\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
            assert all(re.fullmatch(r"\w+( \| \w+)* {2,}\S.*", line) for line in picture.splitlines())


WALKS = (ROOT / "docs/design.md").read_text().split("## Three walks", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("passed", sorted(set(re.findall(r"`(\w+\.\w+)(?:\(\))?`", WALKS))))
def test_what_a_walk_passes_is_there(passed):
    """The walks name functions and methods that exist."""
    first, name = passed.split(".")
    homes = [getattr(module, first) for module in WALKED if hasattr(module, first)]
    homes += [module for module in WALKED if module.__name__.rpartition(".")[2] == first]
    homes += [LeaderElector] if first == "elector" else []
    assert any(hasattr(home, name) for home in homes)


def test_threads_of_the_walks_have_these_names():
    """The names of threads are those that the engine gives."""
    source = (ROOT / "core/src/incumbent/engine/runner.py").read_text()
    for name in re.findall(r"`(incumbent-\w+)(?:-1)?`", WALKS):
        assert f'"{name}"' in source


def test_rooms_that_contributors_are_sent_to_are_there():
    """Every file and folder of the table exists: in the core, or in each plugin."""
    table = (ROOT / "CONTRIBUTING.md").read_text().split("| who wants to change |", 1)[1].split("\n\n", 1)[0]
    for path in re.findall(r"`([\w/.]+(?:\.py|\.md|/))`", table):
        places = [ROOT / path, ROOT / "core/src/incumbent" / path]
        everywhere = [
            package / path for package in ROOT.glob("plugins/*/src/*") if package.name.startswith("incumbent_")
        ]
        assert any(place.exists() for place in places) or all(place.exists() for place in everywhere), path
