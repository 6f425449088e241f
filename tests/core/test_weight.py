"""What is imported, counted: a service that imports the library pays for what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: What only some need: names of electors and their metadata, zones, mistakes, asyncio, servers.
NEEDLESS = {
    "argparse",
    "asyncio",
    "croniter",
    "difflib",
    "email",
    "hashlib",
    "http",
    "importlib.metadata",
    "json",
    "pathlib",
    "pluggy",
    "random",
    "secrets",
    "socket",
    "ssl",
    "subprocess",
    "zipfile",
    "zoneinfo",
}
PROGRAM = """
import sys
before = set(sys.modules)
{0}
print(*sorted(set(sys.modules) - before))
"""


def imported(program: str) -> set[str]:
    """Return what *program* imports in a bare Python."""
    command = [sys.executable, "-S", "-c", f"import sys; sys.path += {sys.path!r}\n{PROGRAM.format(program)}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_library_brings_only_what_every_election_needs():
    """Electors are found, and mistakes explained, when there is something to find or to explain."""
    assert not imported("from incumbent import LeaderElection, LeaderElectionConfig, Term") & NEEDLESS


def test_importing_the_package_alone_brings_next_to_nothing():
    """A plugin's entry point is read wherever electors are listed."""
    assert {name for name in imported("import incumbent") if name.startswith("incumbent")} == {"incumbent"}


@pytest.mark.parametrize("command", ["status", "watch"])
def test_who_looks_does_not_bring_the_engine(command):
    """Who asks who leads is no candidate: the half of the library that keeps elections going stays out."""
    found = imported(f"import incumbent.cli; incumbent.cli.module_of({command!r})")
    assert "incumbent.observer" in found
    assert not found & {"incumbent.election", "incumbent.engine.runner", "incumbent.engine.machine", "zoneinfo"}
    assert "incumbent.instrumentation" not in found
