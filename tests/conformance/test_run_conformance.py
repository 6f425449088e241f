"""`run_conformance`: the suite as a function, for the command line and for programs."""

import json
import os

import pytest
from counted import NOT_RUN, RUN
from model_elector import ModelBackend, ModelHarness
from selected import run_only

import incumbent
from incumbent import BackendUnavailableError, ConfigurationError, ElectionError
from incumbent.testing import MemoryHarness, Progress, run_conformance
from incumbent.testing.conformance import suite_tests
from incumbent.testing.turns import is_alone


def test_function_prints_nothing_and_tells_progress(capfd):
    """Each test that is run is told once, when it has ended; nothing else is said."""
    told = []
    report = run_conformance(None, harness=ModelHarness, progress=told.append)
    assert capfd.readouterr() == ("", "")
    assert told == report.of("passed")
    assert len(told) + len(report.of("not run")) == len(report.outcomes) > 90
    assert report.exit_status == 0


def test_function_ignores_what_pytest_is_told_elsewhere(monkeypatch, tmp_path):
    """Settings for other runs of pytest, in the environment or the directory, change nothing and stay as they are."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--more-nonsense")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    assert run_only(ModelHarness(), "test_token_is_a_whole_number").exit_status == 0
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

    assert len(run_only(Counted(), "test_token_is_a_whole_number", "test_nobody_leads_at_first").of("passed")) == 2
    assert calls == ["open", "close"]


def test_fault_in_the_first_attempt_is_left_to_the_tests():
    """An elector that raises what it must not, whatever it is asked, fails tests, and is no error of the run."""

    class Foreign(ModelBackend):
        def elector(self, lock_id, candidate):
            raise ZeroDivisionError

    class ForeignHarness(ModelHarness):
        model = Foreign

    report = run_only(ForeignHarness(), "test_token_is_a_whole_number", "test_closing_unused_is_harmless")
    assert len(report.of("failed")) == 2
    assert report.exit_status == 1


def test_report_is_the_same_for_programs():
    """The JSON of a run has every test with its promises, its truth and its result."""
    report = run_conformance(None, harness=MemoryHarness)
    found = json.loads(report.to_json())
    assert found["exit_status"] == 0
    assert found["versions"]["incumbent"] == f"{incumbent.__version__}, contract {incumbent.CONTRACT_VERSION}"
    assert found["versions"]["elector"] == f"memory, from incumbent {incumbent.__version__}, for contract 1"
    assert found["capabilities"]["candidates"]["supported"] is True
    assert found["counts"] == {"passed": RUN, "not run": NOT_RUN}
    assert [test["test"] for test in found["tests"]] == [outcome.test for outcome in report.outcomes]
    assert all(test["cites"] and test["truth"].endswith(".") for test in found["tests"])


# ------------------------------------------------------------ side by side


class Heard(Progress):
    """What a run has told, in order."""

    def __init__(self):
        self.told = []
        self.running = set()
        self.together = []

    def planned(self, tests):
        self.told.append(tests)

    def started(self, test):
        self.running.add(test)
        self.together.append(frozenset(self.running))

    def __call__(self, outcome):
        self.running.remove(outcome.test)
        self.told.append(outcome)


def test_url_is_tested_side_by_side(tmp_path, capfd):
    """Several tests run at a time, in other processes; each is told once; the report has the order of the suite."""
    heard = Heard()
    report = run_conformance(f"local://{tmp_path}", progress=heard, jobs=3)
    assert capfd.readouterr() == ("", "")
    assert [outcome.to_text() for outcome in report.of("failed")] == []
    assert heard.told[0] == len(heard.told) - 1 == len(report.of("passed")) > 60
    assert sorted(heard.told[1:], key=str) == sorted(report.of("passed"), key=str)
    assert max(map(len, heard.together)) == 3
    assert [outcome.test for outcome in report.outcomes] == list(suite_tests())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_one_job_is_one_test_at_a_time():
    """With one job nothing runs beside another."""
    heard = Heard()
    assert run_conformance("memory://", progress=heard, jobs=1).exit_status == 0
    assert {len(running) for running in heard.together} == {1}


@pytest.mark.thorough
def test_what_acts_on_the_whole_store_runs_alone():
    """While the store is frozen, dead or about to be, no other test uses it."""
    heard = Heard()
    assert run_conformance("memory://", progress=heard, jobs=4).exit_status == 0
    alone = {name for name, test in suite_tests().items() if is_alone(test)}
    assert "test_dead_store_is_unavailable" in alone
    assert "test_acquiring_in_a_freeze_is_unknown" in alone
    assert [running for running in heard.together if len(running) > 1 and running & alone] == []
    assert max(map(len, heard.together)) > 1


def test_nothing_runs_alone_where_each_process_has_its_store():
    """With the bare name of an elector each process starts a store of its own, and need not wait for the others."""
    heard = Heard()
    assert run_conformance("memory", progress=heard, jobs=4).exit_status == 0
    alone = {name for name, test in suite_tests().items() if is_alone(test)}
    assert [running for running in heard.together if len(running) > 1 and running & alone]


@pytest.mark.parametrize("jobs", [0, -1])
def test_number_of_jobs_is_checked(jobs):
    """No tests at a time would take for ever."""
    with pytest.raises(ConfigurationError, match=f"jobs must be at least 1, not {jobs}"):
        run_conformance("memory://", jobs=jobs)


def test_store_of_a_url_that_is_away_is_one_error(tmp_path):
    """The error that a process of the suite meets when it opens the store is raised here, with its message."""
    (tmp_path / "file").touch()
    with pytest.raises(ElectionError, match="file") as caught:
        run_conformance(f"local://{tmp_path}/file")
    assert "Traceback" not in str(caught.value)


@pytest.mark.thorough
def test_process_that_dies_fails_its_test(monkeypatch, tmp_path):
    """A client library that crashes costs the test in which it does, and no other."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "from incumbent.testing.suite.tokens import Tokens\n"
        "def test_token_is_a_whole_number(self, scene):\n"
        "    'P4: It crashes.'\n"
        "    os._exit(7)\n"
        "test_token_is_a_whole_number.__qualname__ = 'Tokens.test_token_is_a_whole_number'\n"
        "Tokens.test_token_is_a_whole_number = test_token_is_a_whole_number\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = run_conformance("memory://", jobs=2)
    (failed,) = report.of("failed")
    assert failed.test == "test_token_is_a_whole_number"
    assert failed.detail == "the process that ran it ended by itself, with code 7"
    assert len(report.of("passed")) == RUN - 1
