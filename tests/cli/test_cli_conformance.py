"""`incumbent conformance`: the shipped suite without a test file."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest
from programs import end, started

from incumbent import BackendUnavailableError
from incumbent.cli import conformance, main
from incumbent.testing import ConformanceReport, Outcome, Progress
from incumbent.testing.crew import _Worker
from incumbent.testing.journal import Event

SCRIPT = Path(sysconfig.get_path("scripts")) / "incumbent"
#: For a whole run of the suite on a busy machine.
DEADLINE = 300.0

GOOD = Outcome("test_good", "P1", "There is one leader.", "passed")
BAD = Outcome("test_bad", "P2, P4", "Tokens grow.", "failed", "assert 1 > 1\n\x1b[31mred")
LEFT_OUT = Outcome("test_left_out", "P5", "A phantom is none.", "not run", "the store has no queue")


@pytest.fixture
def found(monkeypatch):
    """Let the suite find the given outcomes."""

    def find(*outcomes):
        def run_conformance(url, progress=None, jobs=None):
            progress = progress or Progress()
            progress.planned(len(outcomes))
            for outcome in outcomes:
                progress.started(outcome.test)
                progress.waiting()
                progress(outcome)
            return ConformanceReport(url, outcomes, 1.5)

        monkeypatch.setattr("incumbent.cli.conformance.run_conformance", run_conformance)

    return find


def test_people_see_each_test_and_the_counts(capsys, found):
    """A failed test shows its promises and its detail, which cannot repaint the terminal; the code is 1."""
    found(GOOD, BAD, LEFT_OUT)

    assert main(["conformance", "memory://"]) == 1

    captured = capsys.readouterr()
    assert captured.err == ""
    assert "\x1b" not in captured.out
    lines = captured.out.splitlines()
    assert lines[0].split() == ["ok", "P1", "test_good"]
    assert lines[1].split()[:4] == ["FAILED", "P2,", "P4", "test_bad:"]
    assert any("test_left_out" in line and "the store has no queue" in line for line in lines)
    assert lines[-1] == "memory://: 1 passed, 1 failed, 1 not run"


def test_people_see_why_a_test_failed(capsys, found):
    """What was expected, what was seen, in which order things happened, and what to read stand before the counts."""
    journal = (Event(0.0, "a", "acquire_leadership()", "a claim"), Event(1.25, "harness", "expire()", "\x1b[2J"))
    found(GOOD, replace(BAD, statement="assert b.lead()", section="The claim", journal=journal))

    main(["conformance", "memory://"])

    lines = capsys.readouterr().out.splitlines()
    begin = lines.index("test_bad")
    assert lines[begin + 1 : begin + 8] == [
        "expected: P2, P4: Tokens grow.",
        "seen:     assert 1 > 1",
        "\\x1b[31mred",
        "at:       assert b.lead()",
        "in order:",
        "     0.000 s  a        acquire_leadership() → a claim",
        "     1.250 s  harness  expire() → \\x1b[2J",
    ]
    assert lines[begin + 8] == "read:     docs/contract.md#the-claim"


def test_report_is_written_beside_what_is_shown(capsys, found, tmp_path):
    """`--report` writes the Markdown in the place of what was in the file, and changes neither output nor code."""
    found(GOOD, LEFT_OUT)
    page = tmp_path / "report.md"
    page.write_text("old " * 1000)

    assert main(["conformance", "memory://", "--report", str(page)]) == 0

    assert capsys.readouterr().out.endswith("memory://: 1 passed, 0 failed, 1 not run\n")
    assert page.read_text().startswith("# Conformance of `memory://`\n")
    assert "old" not in page.read_text()


def test_report_may_go_nowhere(found):
    """What cannot be truncated, such as a device, needs not to be."""
    found(GOOD)
    assert main(["conformance", "memory://", "--report", "/dev/null"]) == 0


def test_report_that_cannot_be_written_costs_no_run(capsys, monkeypatch, tmp_path):
    """One line and code 2, before any test is run."""
    monkeypatch.setattr(conformance, "run_conformance", lambda *_, **__: pytest.fail("it was run"))

    assert main(["conformance", "memory://", "--report", str(tmp_path / "no" / "report.md")]) == 2
    assert capsys.readouterr().err.startswith("incumbent: --report: ")


def test_report_that_finds_a_full_disk_is_one_line(capsys, found):
    """What was found is shown all the same, and the file is named."""
    found(GOOD)

    assert main(["conformance", "memory://", "--report", "/dev/full"]) == 2
    captured = capsys.readouterr()
    assert captured.out.endswith("memory://: 1 passed, 0 failed\n")
    assert captured.err.startswith("incumbent: --report: /dev/full cannot be written: ")
    assert captured.err.count("\n") == 1


def test_report_of_a_run_that_fails_leaves_the_old_one(capsys, monkeypatch, tmp_path):
    """A store that cannot be reached does not cost the report of the last run, and leaves no empty one."""

    def run_conformance(*_, **__):
        raise BackendUnavailableError("nobody is there")

    monkeypatch.setattr(conformance, "run_conformance", run_conformance)
    page = tmp_path / "report.md"
    page.write_text("old")

    assert main(["conformance", "memory://", "--report", str(page)]) == 1
    assert page.read_text() == "old"
    assert main(["conformance", "memory://", "--report", str(tmp_path / "new.md")]) == 1
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("jobs", ["0", "-1", "1.5", "many", "\u0661", "9" * 5000])
def test_number_of_jobs_must_be_one(capsys, jobs):
    """What is no number of tests is refused in one line."""
    assert main(["conformance", "memory://", f"--jobs={jobs}"]) == 2
    assert "is not a whole number from 1 to 1000" in capsys.readouterr().err


def test_terminal_shows_what_is_running(found, monkeypatch):
    """On a terminal a last line tells how many tests have ended, and which are running; it is erased at the end."""
    out = io.StringIO()
    out.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    found(GOOD, BAD)

    main(["conformance", "memory://"])

    drawn = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in re.split(r"\r\x1b\[2K", out.getvalue())]
    assert re.fullmatch(r"0 of 2, \d+ ms: test_good", drawn[2])
    assert drawn[4].startswith("ok ")
    assert any(re.fullmatch(r"1 of 2, \d+ ms: test_bad", line) for line in drawn)
    assert drawn[-1].rstrip().endswith("memory://: 1 passed, 1 failed")
    assert "0 of 2" not in drawn[-1]


def test_programs_see_everything_as_json(capsys, found):
    """One JSON document, and the same code."""
    found(GOOD, BAD, LEFT_OUT)

    assert main(["conformance", "--json", "memory://"]) == 1

    report = json.loads(capsys.readouterr().out)
    assert report["counts"] == {"passed": 1, "failed": 1, "not run": 1}
    assert [test["result"] for test in report["tests"]] == ["passed", "failed", "not run"]


def test_an_elector_that_conforms_exits_with_0(capsys, found):
    """What was not run for a stated reason is no failure."""
    found(GOOD, LEFT_OUT)

    assert main(["conformance", "memory://"]) == 0
    assert "1 passed, 0 failed, 1 not run" in capsys.readouterr().out


def test_a_run_without_any_test_is_no_success(capsys, found):
    """A check that checked nothing must not look green."""
    found(LEFT_OUT)

    assert main(["conformance", "memory://"]) == 1
    assert "0 passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "url", ["", "nobodys://", "memory://?colour=red", "x" * 10_000, "a\x1b[31mb://", "memory://\udc80"]
)
def test_a_bad_url_is_refused_in_one_line(capsys, url):
    """Code 2 and one clean line before any test is run."""
    assert main(["conformance", url]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("incumbent: ")
    assert captured.err.removesuffix("\n").isprintable()
    assert "this is a bug" not in captured.err


@pytest.mark.parametrize(("arguments", "word"), [([], "URL"), (["memory", "local"], "unexpected argument 'local'")])
def test_one_url_is_needed(capsys, arguments, word):
    """Neither none nor two."""
    assert main(["conformance", *arguments]) == 2
    assert word in capsys.readouterr().err


def test_without_pytest_one_line_says_what_to_install(tmp_path):
    """Pytest is optional, and its absence is no traceback."""
    (tmp_path / "pytest.py").write_text("raise ImportError('No module named pytest', name='pytest')")

    done = subprocess.run(
        [SCRIPT, "conformance", "memory://"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "incumbent: the conformance suite needs pytest: pip install 'incumbent[testing]'\n"


def test_the_suite_runs_on_memory_and_reports_every_test():
    """The whole way: console script, discovery, harness, suite, JSON, code."""
    done = subprocess.run(
        [SCRIPT, "conformance", "memory", "--json"], capture_output=True, text=True, timeout=DEADLINE, check=False
    )

    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert (done.returncode, report["counts"].get("failed", 0)) == (0, 0), done.stdout
    assert report["counts"]["passed"] > 20
    assert report["elector"] == "memory://conformance"  # the harness's own, as no URL was given
    assert all(test["cites"] and test["truth"] for test in report["tests"])


def test_ctrl_c_ends_a_run_of_the_suite():
    """130, with no traceback of ours or pytest's."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(SCRIPT, "conformance", "memory", text=True, **pipes) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)

    assert first.startswith("ok")
    assert process.returncode == 130
    assert "Traceback" not in out + err


def test_worker_is_interrupted_also_where_its_parent_cannot_be():
    """A run that was started with `&` ignores SIGINT: a worker that it interrupts hears of it all the same."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = _Worker("memory://interrupted")
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        assert worker.news() == [{"ready": True}]
        worker.process.send_signal(signal.SIGINT)
        worker.process.wait(DEADLINE)  # stdin is open: nothing but the signal ends it
    finally:
        end(worker.process)
    assert worker.process.returncode == 130


def test_killed_run_ends_its_workers_without_a_word():
    """Nobody listens to them any more: they put the store away, and complain about nothing."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(SCRIPT, "conformance", "local://", "--jobs", "2", text=True, **pipes) as process:
        for _ in range(20):  # by then each has begun a test, whose outcome it will want to tell
            process.stdout.readline()
        process.terminate()
        _, err = process.communicate(timeout=DEADLINE)  # the workers have stderr, too: it ends when all have
    assert err == ""
