"""The pages tell of everything there is: fields, options, commands, names, promises."""

import dataclasses
import re
from importlib import import_module
from pathlib import Path

import pytest

import incumbent
import incumbent.testing
import incumbent.toolkit
from incumbent import Capabilities, LeaderElectionConfig
from incumbent.cli import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def text(page):
    return (DOCS / page).read_text()


def section(page, title):
    """Return what stands below the heading *title*, up to the next one of its level."""
    return re.split(r"^## ", text(page).split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def table(page, heading):
    """Return the rows below *heading*, as lists of cells without their backquotes."""
    lines = text(page).split(f"| {heading} |", 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def test_every_field_of_the_config_is_told_in_order():
    """The table of the configuration has one row for each field."""
    told = [row[0] for row in table("configuration.md", "field")]
    assert told == [field.name for field in dataclasses.fields(LeaderElectionConfig)]


def test_defaults_of_the_config_are_what_the_table_says():
    """The numbers of the table are those that a config for a ttl of 15 s has."""
    config = LeaderElectionConfig(lock_id="reports", ttl=15)
    told = {row[0]: float(row[3]) for row in table("configuration.md", "field") if row[3]}
    assert {name: getattr(config, name) for name in told} == pytest.approx(told, abs=0.005)


def test_fields_without_a_number_are_none_by_default():
    """What the table gives as `None` is that in a config that does not say otherwise."""
    config = LeaderElectionConfig(lock_id="reports")
    unset = [row[0] for row in table("configuration.md", "field") if row[2] == "None"]
    assert len(unset) > 0
    assert {getattr(config, name) for name in unset} == {None}


def test_every_command_is_told():
    """Each command has a line in the table and a section of its own."""
    named = re.findall(r"\[`incumbent (\S+)`\]", text("cli.md"))
    assert sorted(named) == sorted(COMMANDS)
    assert all(f"\n## incumbent {command}\n" in text("cli.md") for command in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_of_a_command_is_told(command, capsys):
    """Each option that `--help` shows is told in the command's section, or is common to all."""
    incumbent.cli.main([command, "--help"])
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    told = section("cli.md", f"incumbent {command}") + text("cli.md").split("\n## ", 1)[0]
    assert {option for option in options if f"`{option}" not in told} == set()


def test_every_public_name_is_on_the_api_page():
    """The API page documents each name that `incumbent` exports."""
    told = set(re.findall(r"^\.\. auto\w+:: (\w+)$", text("api.md"), re.MULTILINE))
    assert told == set(incumbent.__all__)


@pytest.mark.parametrize("module", ["http", "prometheus", "steer"])
def test_names_beside_the_package_are_told_and_typed(module):
    """Modules of the surface that are imported by their own names: on the API page, and in the program for mypy."""
    names = import_module(f"incumbent.{module}").__all__
    page, program = text("api.md"), (ROOT / "tests/typing/api.py").read_text()
    for name in names:
        assert f"incumbent.{module}.{name}" in page or f":: incumbent.{module}\n   :members:" in page
    (imported,) = re.findall(rf"^from incumbent\.{module} import (.*)$", program, re.MULTILINE)
    assert set(imported.split(", ")) == set(names)


def test_every_name_of_the_toolkit_is_told():
    """The toolkit's page documents each of its names, or says that the API page does."""
    told = set(re.findall(r"^\.\. auto\w+:: (\w+)$", text("toolkit.md"), re.MULTILINE))
    also = set(re.findall(r"`(\w+)`", text("toolkit.md").rsplit("\n\n", 1)[-1])) - {"incumbent"}
    assert also <= set(incumbent.__all__)
    assert told | also == set(incumbent.toolkit.__all__)


def test_every_promise_is_told():
    """P1 to P11 each have a section, in order."""
    assert re.findall(r"^## (P\d+): ", text("guarantees.md"), re.MULTILINE) == [f"P{n}" for n in range(1, 12)]


def test_every_promise_is_tested():
    """Each promise is cited by a test of the engine and, where an elector can break it, by the suite."""
    tests = "".join(path.read_text() for path in ROOT.glob("tests/core/**/test_*.py"))
    assert {f"P{n}" for n in range(1, 12)} <= set(re.findall(r"\bP\d+\b", tests))


def test_every_capability_is_told():
    """The page for authors has a row for each capability."""
    assert [row[0] for row in table("contract.md", "capability")] == [f.name for f in dataclasses.fields(Capabilities)]


def test_every_operation_of_a_harness_is_told():
    """The page on the suite has a row for each thing that a harness can do behind an elector's back."""
    assert [row[0] for row in table("conformance.md", "operation")] == list(incumbent.testing.harness.OPERATIONS)


def test_lines_that_an_author_writes_are_those_of_the_template():
    """The page on versions shows the lines that `new-elector` writes, for the present version and contract."""
    template = Path(incumbent.cli.__file__).parent / "template"
    written = "".join(path.read_text() for path in template.rglob("*.*") if path.suffix in {".py", ".toml"})
    told = [row[2] for row in table("versioning.md", "what | version | an elector says")]
    assert told[0] == f"contract_version = {incumbent.CONTRACT_VERSION}"
    assert told[0] in written
    assert re.fullmatch(r'dependencies = \[("incumbent>=[\d.]+")\]', told[1])[1] in written
    assert told[2] in written


def test_changelog_has_the_version():
    """The present version has a section in the changelog."""
    assert f"\n## {incumbent.__version__} " in (ROOT / "CHANGELOG.md").read_text()
