"""What a run of the suite found, for people and for programs."""

import json
from dataclasses import replace

import pytest

from incumbent.testing import ConformanceReport, Outcome
from incumbent.testing.report import DEVIATES, FAILED, NOT_RUN, NOT_SELECTED, PASSED

GOOD = Outcome("test_good", "P1, P2", "All is well.", PASSED, seconds=0.5)
OTHERS = {
    FAILED: replace(GOOD, test="test_bad", result=FAILED, detail="it broke"),
    NOT_RUN: replace(GOOD, test="test_left_out", result=NOT_RUN, detail="there is no server"),
    DEVIATES: replace(GOOD, test="test_other", result=DEVIATES, detail="another store"),
    NOT_SELECTED: replace(GOOD, test="test_later", result=NOT_SELECTED),
}


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 1),
        ([NOT_RUN], 1),
        ([DEVIATES], 1),
        ([NOT_SELECTED], 1),
        ([FAILED], 1),
        ([PASSED], 0),
        ([PASSED, NOT_RUN, DEVIATES, NOT_SELECTED], 0),
        ([PASSED, FAILED], 1),
    ],
)
def test_exit_status_is_0_if_something_passed_and_nothing_failed(results, status):
    """What was not run, or deviates for a reason, is no failure; but a run without any pass is no success."""
    outcomes = tuple(OTHERS.get(result, GOOD) for result in results)
    assert ConformanceReport("toy://", outcomes).exit_status == status


def test_text_tells_everything_and_ends_with_the_counts():
    """Each test has a line; what did not pass says why; the last line has the counts, those of 0 failures too."""
    lines = ConformanceReport("toy://", (GOOD, *OTHERS.values())).to_text().splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok", "not", "deviates", "FAILED"]
    assert lines[1].endswith("test_left_out: there is no server")
    assert lines[-1] == "toy://: 1 passed, 1 failed, 1 not run, 1 deviates, 1 not selected"
    assert ConformanceReport("toy://", (GOOD,)).summary() == "toy://: 1 passed, 0 failed"


def test_json_tells_everything():
    """Each outcome with its promises as a list, and what the exit status would be."""
    found = json.loads(ConformanceReport("toy://", (GOOD, OTHERS[FAILED]), 1.23456).to_json())
    assert found["elector"] == "toy://"
    assert found["exit_status"] == 1
    assert found["seconds"] == 1.235
    assert found["counts"] == {"passed": 1, "failed": 1}
    assert found["tests"][1] == {
        "test": "test_bad",
        "cites": ["P1", "P2"],
        "truth": "All is well.",
        "result": "failed",
        "detail": "it broke",
        "seconds": 0.5,
    }
