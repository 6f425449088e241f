"""`incumbent electors`: what is installed, what it can do, what is broken."""

from __future__ import annotations

import json
from math import inf

import pytest

from incumbent import Backend, Capabilities, ElectorLoadError, no, yes
from incumbent.cli import main
from incumbent.registry import Installed


class Acme(Backend):
    contract_version = 1
    capabilities = Capabilities(
        push=yes(),
        observe=yes("from any process"),
        candidates=no("the store keeps\n\x1b[31mno list"),
        fencing_across_restarts=yes(),
        expiry=yes(),
        interoperates=no("no other tool knows it"),
        ttl_range=(10.0, inf),
    )

    def __init__(self, address, settings):
        raise NotImplementedError

    elector = close = None


WORKING = Installed("acme", "acme-elector", "1.2", Acme, None)
BROKEN = Installed("odd", "odd-elector", "0.1", None, ElectorLoadError("odd-elector: ImportError: no \x1b[1mname"))


@pytest.fixture
def some_installed(monkeypatch):
    monkeypatch.setattr("incumbent.cli.electors.installed", lambda: [WORKING, BROKEN])


@pytest.mark.usefixtures("some_installed")
def test_people_see_capabilities_with_reasons_and_broken_ones_with_their_cause(capsys):
    """One block for each; a broken one is no failure; what others wrote is escaped."""
    assert main(["electors"]) == 0

    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines() == [
        "acme  acme-elector 1.2",
        "  yes  push",
        "  yes  observe                  from any process",
        "  no   candidates               the store keeps\\n\\x1b[31mno list",
        "  yes  fencing across restarts",
        "  yes  expiry",
        "  no   interoperates            no other tool knows it",
        "  no   info                     its package is older than that",
        "  no   listing                  its package is older than that",
        "  no   testament                its package is older than that",
        "       ttl                      from 10 s",
        "       contract                 1",
        "",
        "odd  odd-elector 0.1",
        "  broken: odd-elector: ImportError: no \\x1b[1mname",
    ]


@pytest.mark.usefixtures("some_installed")
def test_an_elector_for_an_older_contract_is_shown_with_what_to_upgrade(capsys, monkeypatch):
    """It works for now, and people see here that they should look for a newer package."""
    monkeypatch.setattr("incumbent.cli.electors.CONTRACT_VERSION", 2)
    assert main(["electors"]) == 0

    told = "       contract                 1, while 2 is the present one: pip install -U acme-elector"
    assert told in capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("some_installed")
def test_programs_see_the_same_as_json(capsys):
    """Every capability with its detail; a bound that does not exist is null."""
    assert main(["electors", "--json"]) == 0

    acme, odd = json.loads(capsys.readouterr().out)
    assert (acme["name"], acme["distribution"], acme["version"], acme["error"]) == ("acme", "acme-elector", "1.2", None)
    assert acme["capabilities"]["observe"] == {"supported": True, "detail": "from any process"}
    assert acme["capabilities"]["interoperates"] == {"supported": False, "detail": "no other tool knows it"}
    assert len(acme["capabilities"]) == 9
    assert (acme["contract"], odd["contract"]) == (1, None)
    assert acme["ttl_range"] == [10.0, None]
    assert odd == {
        "name": "odd",
        "distribution": "odd-elector",
        "version": "0.1",
        "contract": None,
        "error": "odd-elector: ImportError: no \x1b[1mname",
        "capabilities": None,
        "ttl_range": None,
    }


def test_the_embedded_electors_are_listed_and_whole(capsys):
    """`memory` and `local` come with the core, found through the same door as everybody's."""
    assert main(["electors", "--json"]) == 0

    listed = {elector["name"]: elector for elector in json.loads(capsys.readouterr().out)}
    for name in ("local", "memory"):
        assert listed[name]["error"] is None
        assert listed[name]["distribution"] == "incumbent"
        assert listed[name]["capabilities"]["push"]["supported"]


def test_the_embedded_electors_are_shown_to_people(capsys):
    """Their blocks are there, and no line is broken by a detail."""
    assert main(["electors"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("local  incumbent ") for line in lines)
    assert any(line.startswith("memory  incumbent ") for line in lines)
