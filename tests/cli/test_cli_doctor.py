"""`incumbent doctor`: what is well is said, what is not comes with a remedy, and the exit code sums it up."""

from __future__ import annotations

import json

import pytest
from model_elector import ModelBackend, ModelElector
from model_store import Store

from incumbent import BackendRejectedError, BackendUnavailableError, Claim, Finding, LeaderRecord
from incumbent.cli import main
from incumbent.diagnosis import diagnose


@pytest.fixture
def backend(monkeypatch):
    """Stand in for the elector `model`; its elector's class is the test's to break."""

    class Elector(ModelElector):
        pass

    class Backend(ModelBackend):
        store = Store()
        elector_class = Elector

    monkeypatch.setattr("incumbent.diagnosis.open_backend", Backend)
    return Backend


def texts(level, **options):
    return [finding.text for finding in diagnose("model://here", **options) if finding.level == level]


def broken(backend, method, answer):
    """Let *method* of the elector return *answer*, or raise it."""

    def break_it(self):
        if isinstance(answer, Exception):
            raise answer
        return answer

    setattr(backend.elector_class, method, break_it)


def test_healthy_backend_has_no_errors(backend):
    """Everything that an election needs was done and worked."""
    assert texts("error") == []
    assert texts("warning") == []
    assert [text.split(":")[0] for text in texts("ok")][1:5] == [
        "can lead",
        "can renew",
        "can observe",
        "can hand over",
    ]


def test_nothing_is_left_behind(backend):
    """P8: The scratch election is empty afterwards."""
    list(diagnose("model://here"))
    assert all(ballot.leader is None and not ballot.places for ballot in backend.store.ballots.values())


def test_scratch_election_lies_below_the_name(backend):
    """Where rights are limited to a prefix, the election is held there."""
    list(diagnose("model://here", name="team/reports"))
    (name,) = backend.store.ballots
    assert name.startswith("team/reports/")


def test_findings_of_the_backend_come_first(backend):
    """What the elector's package knows of its backend is shown."""
    backend.diagnose = lambda self: [Finding("warning", "version 1.0 forgets leases", "upgrade")]
    assert texts("warning") == ["version 1.0 forgets leases"]


@pytest.mark.parametrize(
    ("method", "answer", "shown"),
    [
        ("acquire_leadership", BackendUnavailableError("connection refused"), "no answer: connection refused"),
        ("acquire_leadership", BackendRejectedError("permission denied"), "refused: permission denied"),
        ("check_leadership", None, "a claim was gone at its first renewal"),
        ("check_leadership", KeyError("secret"), "the elector raised KeyError"),
    ],
)
def test_what_fails_is_an_error_with_a_remedy(backend, method, answer, shown):
    """An outage, a refusal and a fault each say what to do, and the election ends there."""
    broken(backend, method, answer)
    (error,) = [finding for finding in diagnose("model://here") if finding.level == "error"]
    assert error.text == shown
    assert error.remedy


def test_claim_that_is_too_short_is_an_error(backend):
    """P3: A guarantee that the timing does not fit into is found before anybody relies on it."""
    real = backend.elector_class.acquire_leadership
    backend.elector_class.acquire_leadership = lambda self: (
        (claim := real(self)) and Claim(claim.token, 8.0, claim.sent)
    )
    (error,) = texts("error")
    assert "guarantees a claim for 8 s only" in error


def test_observer_that_is_blind_is_an_error(backend):
    """Reads that do not show what was written are told."""
    broken(backend, "observe_leadership", LeaderRecord("anything", None, None))
    assert texts("error") == ["an observer does not see the leader"]


def test_push_that_is_silent_is_a_warning(backend):
    """Elections work without news, only later: a warning and no error."""
    backend.elector_class.changed = lambda self: None
    assert texts("error") == []
    (warning,) = texts("warning", ttl=2)
    assert "the news of a hand-over did not arrive" in warning


def test_people_see_each_finding_and_the_verdict(capsys, backend):
    """One line each, the remedy below, the verdict last, code 1 for an error."""
    broken(backend, "acquire_leadership", BackendRejectedError("no \x1b[31mrights"))
    assert main(["doctor", "model://here"]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[0].startswith("ok       with ttl 15 s")
    assert lines[1].startswith("error    refused: no ")
    assert lines[2].startswith("         -> give this user or token the rights")
    assert lines[-1] == "elections will not work here: 1 error, 0 warnings"


def test_programs_get_json(capsys, backend):
    """One document with every finding; healthy and code 0."""
    assert main(["doctor", "model://here", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["healthy"] is True
    assert {finding["level"] for finding in report["findings"]} == {"ok"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nobodys://"],
        ["memory://?colour=red"],
        ["memory://", "--ttl", "0"],
        ["memory://", "--ttl", "1"],
        ["memory://", "--ttl", "nan"],
        ["memory://", "--name", ""],
        ["memory://", "--name", "a\nb"],
        ["memory://", "--name", "x" * 300],
        ["memory://", "local://"],
    ],
)
def test_bad_arguments_are_refused_in_one_line(capsys, arguments):
    """Code 2 and one clean line."""
    assert main(["doctor", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.removesuffix("\n").isprintable()


def test_ttl_out_of_range_is_refused(capsys, backend):
    """The backend's own refusal is shown: one line that names the range."""
    assert main(["doctor", "model://here", "--ttl", "90"]) == 2
    assert "must lie between 1.0 and 60.0" in capsys.readouterr().err


def test_real_election_on_local(capsys, tmp_path):
    """The whole way on a real backend: it works, says so, and leaves no file behind."""
    assert main(["doctor", f"local://{tmp_path}/state"]) == 0
    assert capsys.readouterr().out.endswith("elections work here: 0 errors, 0 warnings\n")
    assert list((tmp_path / "state").iterdir()) == []


def test_people_see_where_the_default_is(capsys, monkeypatch, tmp_path):
    """`local://` is another directory for another user: the first finding is which."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["doctor", "local://"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"ok       elections are held at local://{tmp_path}/incumbent"


def test_what_cannot_be_erased_is_no_failure(backend):
    """The scratch election is erased in the end; should that fail, its name is nobody's."""
    erased = []

    def erase(self, lock_id):
        erased.append(lock_id)
        raise KeyError(lock_id)

    backend.erase = erase
    assert texts("error") == []
    assert erased == list(backend.store.ballots)
