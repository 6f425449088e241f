"""`run_conformance`: the suite as a function, for the command line and for programs."""

import json
import os

import pytest
from model_elector import ModelBackend, ModelHarness

from incumbent import BackendUnavailableError, ConfigurationError
from incumbent.testing import MemoryHarness, run_conformance


def test_function_prints_nothing_and_tells_progress(capfd):
    """Each test that is run is told once, when it has ended; nothing else is said."""
    told = []
    report = run_conformance(None, harness=ModelHarness, progress=told.append)
    assert capfd.readouterr() == ("", "")
    assert told == report.of("passed")
    assert len(told) == len(report.outcomes) > 90
    assert report.exit_status == 0


def test_function_ignores_what_pytest_is_told_elsewhere(monkeypatch, tmp_path):
    """Settings for other runs of pytest, in the environment or the directory, change nothing and stay as they are."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--more-nonsense")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    assert run_conformance(None, harness=ModelHarness).exit_status == 0
    assert os.environ["PYTEST_ADDOPTS"] == "--more-nonsense"
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ


def test_function_needs_a_store():
    """Neither a URL nor a harness is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="needs a URL or a harness"):
        run_conformance(None)


def test_store_that_is_away_is_one_error():
    """A store that cannot be reached is the error of the whole run, and no test is told to have failed."""

    class Away(ModelHarness):
        def open(self):
            super().open()
            self.store.kill()

    told = []
    with pytest.raises(BackendUnavailableError):
        run_conformance(None, harness=Away, progress=told.append)
    assert told == []


def test_harness_that_cannot_open_is_one_error():
    """A harness that fails to start its store is a ConfigurationError that names it and the cause."""

    class Unable(ModelHarness):
        def open(self):
            raise FileNotFoundError("no server binary")

    with pytest.raises(ConfigurationError, match="Unable cannot open: no server binary"):
        run_conformance(None, harness=Unable)


def test_harness_is_closed_once():
    """The harness is opened before the first test and closed after the last."""
    calls = []

    class Counted(ModelHarness):
        def open(self):
            super().open()
            calls.append("open")

        def close(self):
            calls.append("close")

    run_conformance(None, harness=Counted)
    assert calls == ["open", "close"]


def test_fault_in_the_first_attempt_is_left_to_the_tests():
    """An elector that raises what it must not, whatever it is asked, fails tests, and is no error of the run."""

    class Foreign(ModelBackend):
        def elector(self, lock_id, candidate):
            raise ZeroDivisionError

    class ForeignHarness(ModelHarness):
        model = Foreign

    report = run_conformance(None, harness=ForeignHarness)
    assert len(report.of("failed")) > 80
    assert report.exit_status == 1


def test_report_is_the_same_for_programs():
    """The JSON of a run has every test with its promises, its truth and its result."""
    report = run_conformance(None, harness=MemoryHarness)
    found = json.loads(report.to_json())
    assert found["exit_status"] == 0
    assert found["counts"] == {"passed": 90, "not run": 7}
    assert [test["test"] for test in found["tests"]] == [outcome.test for outcome in report.outcomes]
    assert all(test["cites"] and test["truth"].endswith(".") for test in found["tests"])
