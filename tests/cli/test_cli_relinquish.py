"""`incumbent relinquish`: what has come of it, in a line and in the exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from patience import PATIENCE, in_time
from programs import started

from incumbent import LeaderElection, LeaderElectionConfig, read_leader
from incumbent.cli import main
from incumbent.steer import Outcome, Result

ASK = ["relinquish", "--elector", "memory://", "--name", "reports"]


@pytest.fixture
def answer(monkeypatch):
    """Let the request have a given outcome; return what was asked."""
    asked = {}

    def set_answer(outcome):
        def hand_over(address, name, **options):
            asked.update(options, url=str(address), name=name)
            return outcome

        monkeypatch.setattr("incumbent.cli.relinquish.hand_over", hand_over)
        return asked

    return set_answer


@pytest.mark.parametrize(
    ("outcome", "code", "out", "err"),
    [
        (Outcome(Result.DONE, "b", 43, 1.2), 0, "led by b, token 43, after 1 s\n", ""),
        (Outcome(Result.DONE, "b\x1b[2J", 43, 0.012), 0, "led by b\\x1b[2J, token 43, after 12 ms\n", ""),
        (Outcome(Result.ANOTHER, "c", 43, 3.0), 4, "instead led by c, token 43, after 3 s\n", ""),
        (Outcome(Result.REFUSED, "a", 42, problem="b is no candidate"), 3, "", "incumbent: b is no candidate\n"),
        (Outcome(Result.LATE, "a", 42, problem="a still leads"), 124, "", "incumbent: a still leads\n"),
    ],
)
def test_each_outcome_is_a_line_and_a_code(answer, capsys, outcome, code, out, err):
    """Done, done by another, refused, not in time."""
    answer(outcome)
    assert main(ASK) == code
    assert capsys.readouterr() == (out, err)


def test_programs_get_the_outcome_as_json(answer, capsys):
    """The result in a word, who leads, its token, the time, and the problem; the code is the same."""
    answer(Outcome(Result.REFUSED, "a", 42, problem="b is no candidate"))
    assert main([*ASK, "--json"]) == 3
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == {
        "result": "refused",
        "leader": "a",
        "token": 42,
        "seconds": 0.0,
        "problem": "b is no candidate",
    }


def test_what_is_asked_is_what_is_given(answer):
    """The candidate and the patience are handed on."""
    asked = answer(Outcome(Result.DONE, "b", 43))
    assert main([*ASK, "--to", "b", "--wait", "1m"]) == 0
    assert asked == {"url": "memory://", "name": "reports", "to": "b", "timeout": 60.0}


def test_request_is_taken_back_by_interrupting_it(tmp_path):
    """Ctrl-C ends the command, and the request with it: a leader that could not hand over yet leads on."""
    url = f"local://{tmp_path}"
    config = LeaderElectionConfig("reports", candidate="a", relinquish_interval=None)  # heeds no requests
    with LeaderElection(config, url) as election:
        election.wait_for_leadership(PATIENCE)
        command = [sys.executable, "-m", "incumbent", "relinquish", "--elector", url, "--name", "reports"]
        with started(*command, stderr=subprocess.PIPE, text=True) as asking:
            in_time(lambda: read_leader(url, "reports.control").candidate == "do=handover&from=1")
            asking.send_signal(signal.SIGINT)
            assert asking.wait(PATIENCE) == 130
            assert "Traceback" not in asking.stderr.read()
        assert read_leader(url, "reports.control").candidate is None
        assert election.is_leader()
