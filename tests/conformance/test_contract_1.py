"""An elector that was written for contract 1 goes on working, as docs/versioning.md says."""

import dataclasses
import hashlib
from pathlib import Path

import contract_1
import pytest

from incumbent import CONTRACT_VERSION, Backend, Capabilities, LeaderElection, LeaderElectionConfig, LeaderElector
from incumbent.diagnosis import diagnose
from incumbent.elector import OLDEST_CONTRACT
from incumbent.registry import installed, load_backend_class
from incumbent.testing import run_conformance
from incumbent.testing.harness import OPERATIONS, SINCE

#: Of the file as it was when contract 1 was the newest: who changes it changes what the test below says.
FROZEN = "adbc909dd2251fac2da3ee45f2b0b265bba638761ab7d7bc278b097aa072f8c6"


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """Install the elector under its name."""
    info = tmp_path / "incumbent_old-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: incumbent-old\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[incumbent.electors]\nold = contract_1\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_elector_is_the_one_that_was_written_then():
    """Not a line of it has been mended since."""
    assert hashlib.sha256(Path(contract_1.__file__).read_bytes()).hexdigest() == FROZEN
    assert OLDEST_CONTRACT == 1, "contract 1 is not served any more: take this elector away, and keep the next one"


def test_elector_is_loaded_and_listed():
    """Whatever has been added since, it declares enough and implements enough."""
    assert load_backend_class("old") is contract_1.OldBackend
    assert {row.name: row.error for row in installed()}["old"] is None


def test_elector_passes_the_suite():
    """It passes the tests of its time; what it cannot know of is not run."""
    report = run_conformance("old://here?colour=blue")
    assert [outcome.to_text() for outcome in report.of("failed")] == []
    assert len(report.of("passed")) > 70


def test_election_is_held_on_it():
    """The engine elects with it, and asks it for nothing that it does not have."""
    terms = []
    for _ in range(2):
        with LeaderElection(LeaderElectionConfig(lock_id="reports"), "old://here") as election:
            terms.append(election.wait_for_leadership(timeout=30))
            assert terms[-1].is_valid()
    assert terms[0].token < terms[1].token
    findings = list(diagnose("old://here"))
    assert [finding.text for finding in findings if finding.level != "ok"] == ["it is very old"]


def test_what_came_later_can_be_done_without():
    """Each capability beyond the first contract's has a default; so has each method beyond the four."""
    given = {"push", "observe", "candidates", "fencing_across_restarts", "expiry", "interoperates"}
    fields = {field.name: field.default for field in dataclasses.fields(Capabilities)}
    assert {name for name, default in fields.items() if default is dataclasses.MISSING} == given
    verbs = {"acquire_leadership", "check_leadership", "relinquish_leadership", "close"}
    assert LeaderElector.__abstractmethods__ == verbs
    assert Backend.__abstractmethods__ == {"__init__", "elector", "close"}


def test_operations_that_came_later_say_so():
    """A harness of the first contract knows nine operations; each other one says with which contract it came."""
    first = {"expire", "delete", "leader", "claims", "freeze", "kill", "tool", "rejected_url", "outsider"}
    assert SINCE.keys() == OPERATIONS.keys() - first
    assert all(1 < since <= CONTRACT_VERSION + 1 for since in SINCE.values())
