"""The page on electors says what the electors declare, and what they do with their files."""

import re
from dataclasses import fields
from math import inf
from pathlib import Path

import pytest

from incumbent import Capabilities
from incumbent.registry import installed, load_backend_class

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "electors.md").read_text()
EMBEDDED = dict(re.findall(r"^## `([a-z]+)://`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
CONSUL, CHECK = (DOCS / "consul.md").read_text().split("\n## `consul+check://`\n")
#: What is told of each elector: a section, or a page of its own.
SECTIONS = {**EMBEDDED, "etcd": (DOCS / "etcd.md").read_text(), "consul": CONSUL, "consul+check": CHECK}
SECTIONS |= dict.fromkeys(("postgres", "postgresql"), (DOCS / "postgres.md").read_text())
SECTIONS |= dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "redis+unix"), (DOCS / "redis.md").read_text())
#: Those of this repository that are installed here; each has a section.
OURS = sorted(
    row.name
    for row in installed()
    if row.distribution in {"incumbent", "incumbent-etcd", "incumbent-consul", "incumbent-postgres", "incumbent-redis"}
)


def rows(section, heading):
    """Return the rows of the table below *heading*, without backquotes around a cell."""
    lines = section.split(f"| {heading} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell.strip()) for cell in line.strip("|").split("|")] for line in lines]


def test_every_elector_of_ours_has_a_section():
    """The embedded electors are told, and those of our other packages where they are installed."""
    assert set(OURS) == set(SECTIONS)


@pytest.mark.parametrize("name", OURS)
def test_capabilities_are_those_declared(name):
    """The table of an elector repeats its declaration, word for word."""
    capabilities = load_backend_class(name).capabilities
    declared = []
    for field in fields(Capabilities):
        value = getattr(capabilities, field.name)
        if field.name == "ttl_range":
            shortest, longest = value
            declared.append([field.name, "any" if value == (0.0, inf) else f"{shortest:g} s to {longest:g} s", ""])
        else:
            declared.append([field.name, "yes" if value else "no", value.detail])
    assert rows(SECTIONS[name], "capability") == declared


@pytest.mark.parametrize("name", [name for name in OURS if name != "consul+check"])  # it has those of consul
def test_options_are_told(name):
    """The section of an elector names each option of its URL; one without options says so."""
    options = load_backend_class(name).options
    assert [option for option in options if f"`{option}`" not in SECTIONS[name]] == []
    assert options or re.search(r"It has no [\w, ]*\boptions\b", " ".join(SECTIONS[name].split()))


@pytest.mark.parametrize("name", EMBEDDED)
def test_sections_answer_the_same_questions(name):
    """Each section says how the URL is written, what a claim rests on, and what the elector can do."""
    titles = re.findall(r"^### (.*)$", SECTIONS[name], re.MULTILINE)
    assert {"What the claim rests on", "What it can do"} <= set(titles)
    assert f"{name}://" in dict.fromkeys(row[0] for row in rows(SECTIONS[name], "URL"))


@pytest.mark.parametrize("name", ["etcd", "consul", "postgres", "redis"])
def test_pages_answer_the_same_questions(name):
    """The pages of the electors on servers have the same parts in order, and the page on electors leads there."""
    titles = re.findall(r"^## (.*)$", SECTIONS[name], re.MULTILINE)
    asked = ["URL", "Rights", "How leadership is decided", "What it can do", "What a fail-over costs"]
    assert titles[:5] == asked
    assert f"({name}.md)" in PAGE


def test_network_file_systems_are_those_that_are_warned_of():
    """The page's examples of file systems that do not lock between hosts are among those that the elector knows."""
    from incumbent.electors.local.mounts import NETWORK

    told = re.search(r"On ([\w, ]+) and the like", PAGE)[1]
    names = {name.lower() for name in re.split(r", | and ", told)}
    assert {re.sub("^smb$", "smb3", name) for name in names} <= NETWORK


def test_files_are_those_of_the_elector():
    """The three files of an election are told with their endings."""
    told = {row[0] for row in rows(SECTIONS["local"], "file")}
    from incumbent.electors.local.files import Directory

    files = Directory(Path("/state")).files("NAME")
    assert told == {path.name for path in (files.lock, files.record, files.wake)}
