"""The pages as a site: grouped, drawn and reckoned from what there is, and found by the words that others use."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
INDEX = (DOCS / "index.md").read_text()
GROUPS = ["Start", "Use", "Choose", "Operate", "Write an elector", "Inside"]
#: What people search for who do not know our words yet.
SOUGHT = [
    "failover",
    "lock",
    "lease",
    "HA",
    "high availability",
    "cron on several machines",
    "singleton",
    "split brain",
]


def script(name):
    """Import a program of the documentation."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"_ext/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_one_group():
    """Each page stands once in the contents, under one of six headings, so that it has a next one."""
    groups = re.findall(r"^```\{toctree\}\n:caption: (.*)\n:maxdepth: 1\n\n((?:[\w-]+\n)+)```$", INDEX, re.MULTILINE)
    assert [caption for caption, _ in groups] == GROUPS
    listed = [page for _, pages in groups for page in pages.split()]
    assert sorted(listed) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


def test_picture_is_drawn_of_what_was_recorded():
    """The picture of the first page is what its program draws now."""
    assert script("election").svg() == (DOCS / "election.svg").read_text()


def test_tables_of_the_choice_are_what_the_electors_declare():
    """Shortest ttl, listed candidates and other tools are not written by hand."""
    choice = script("choice")
    page = (DOCS / "which-elector.md").read_text()
    for heading, table in zip(choice.HEADINGS, choice.tables(), strict=True):
        assert f"{heading}\n|---|---|---|---|\n{table}\n\n" in page


def test_what_is_installed_is_there():
    """The folders, extras and names of the page on installing are those of the metadata."""
    page = (DOCS / "install.md").read_text().split("\n| for | name |", 1)[1].split("\n\n", 1)[0]
    shown = re.search(r"<!-- install -->\n(.*)<!-- installed -->", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    extras = metadata("core")["optional-dependencies"]
    for folder, extra in re.findall(r"\./([\w/]+)(?:\[(\w+)\])?", page + shown):
        assert not extra or extra in metadata(folder)["optional-dependencies"]
    for name in re.findall(r"`incumbent\[(\w+)\]`", page):
        assert name in extras


def metadata(folder):
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("word", SOUGHT)
def test_words_of_others_lead_somewhere(word):
    """The page on words has a row for each, with a link or with our word."""
    table = (DOCS / "glossary.md").read_text().split("| you know | here it is |\n|---|---|\n", 1)[1]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()]
    assert any(re.search(rf"\b{re.escape(word)}\b", known) and len(here) > 3 for known, here in rows)
