"""`incumbent watch`: each change, as it happens, for people, for programs and for `incumbent timeline`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from patience import PATIENCE, eventually
from programs import started

from incumbent import BackendUnavailableError, LeaderElection, LeaderElectionConfig, LeaderRecord
from incumbent.cli import main
from incumbent.timeline import parse_moment

NOW = 1_792_670_400.0
DOWN = BackendUnavailableError("store: connection refused")


@pytest.fixture
def watch(monkeypatch, capsys):
    """Return a function that watches what it is given, one thing every ten seconds, and returns the lines."""
    times = iter(range(0, 1000, 10))
    monkeypatch.setattr("incumbent.cli.watch.time.time", lambda: NOW + next(times))

    def run(*seen, arguments=()):
        def sights(*_, stop):
            yield from seen

        monkeypatch.setattr("incumbent.cli.watch.sights", sights)
        assert main(["watch", "--elector", "memory://", "--name", "reports", *arguments]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.splitlines()

    return run


def led_by(candidate, token, *candidates, since=None):
    return LeaderRecord("reports", candidate, token, since, candidates)


def test_what_the_leader_tells_is_in_its_line(watch):
    """For people in brackets, escaped; and for programs."""
    seen = replace(led_by("a", 1), info="http://a:80\x1b")
    assert watch(seen)[0].partition("  ")[2] == "a leads, token 1 (http://a:80\\x1b)"
    assert json.loads(watch(seen, arguments=["--json"])[0])["info"] == "http://a:80\x1b"


def test_each_change_is_a_line_that_says_how_long_it_was_otherwise(watch):
    """Who leads, that nobody does, that nothing is known; and for how long what was before has lasted."""
    seen = [led_by(None, None), led_by("a", 1), led_by("b", 2), led_by(None, None), DOWN, led_by("b", 3)]
    assert [line.partition("  ")[2] for line in watch(*seen)] == [
        "nobody leads",
        "a leads, token 1, after 10 s without a leader",
        "b leads, token 2, after 10 s of a",
        "nobody leads, after 10 s of b",
        "the backend does not answer, after 10 s: store: connection refused",
        "b leads, token 3, after 10 s in which nothing was known",
    ]


def test_a_line_for_a_file_has_the_date_and_the_zone(watch):
    """Where no terminal is, the time is that of ISO 8601."""
    (line,) = watch(led_by("a", 1))
    assert line == "2026-10-22T12:00:00+0000  a leads, token 1"


def test_candidates_that_come_and_go_are_for_programs_only(watch):
    """People see a line when the leader changes; with `--json` each change is one, with the candidates."""
    seen = [led_by("a", 1, "a", since=NOW), led_by("a", 1, "a", "b", since=NOW)]
    assert len(watch(*seen)) == 1
    told = [json.loads(line) for line in watch(*seen, arguments=["--json"])]
    assert [each["candidates"] for each in told] == [["a"], ["a", "b"]]
    assert told[0] == {
        "at": told[0]["at"],
        "election": "reports",
        "leader": "a",
        "token": 1,
        "since": NOW,
        "info": None,
        "candidates": ["a"],
    }


def test_what_is_seen_is_kept_in_a_file(watch, tmp_path):
    """`--record` appends a line for each change of the leader, and for an outage; the timeline can read them."""
    file = tmp_path / "terms.jsonl"
    for _ in range(2):
        watch(led_by("a", 1, "a"), led_by("a", 1, "a", "b"), DOWN, arguments=["--record", str(file)])
    kept = [parse_moment(line) for line in file.read_text().splitlines()]
    assert [(election, moment.leader, moment.is_known) for election, moment in kept] == 2 * [
        ("reports", "a", True),
        ("reports", None, False),
    ]


def test_it_ends_after_so_many_lines(watch):
    """`--count N` is for scripts; without it Ctrl-C ends it."""
    assert len(watch(*(led_by("a", token) for token in range(1, 9)), arguments=["--count", "3"])) == 3


def test_what_a_backend_says_cannot_upset_a_terminal(watch):
    """Control characters of a candidate's id are escaped."""
    (line,) = watch(led_by("a\x1b[2J", 1))
    assert line.endswith(r"a\x1b[2J leads, token 1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--count", "0"], "is not a whole number from 1 to"),
        (["--record", "/nowhere/terms"], "No such file or directory: '/nowhere/terms'"),
        (["--elector", "nowhere://"], "no elector"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, words):
    """Bad arguments, and a file that cannot be written, are told before anything is watched."""
    assert main(["watch", "--name", "reports", *arguments]) in (1, 2)
    err = capsys.readouterr().err
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_change_is_shown_as_it_happens(tmp_path):
    """A process that watches a real election tells of a leader that comes and goes."""
    url = f"local://{tmp_path}"
    command = [sys.executable, "-m", "incumbent", "watch", "--elector", url, "--name", "reports", "--json"]
    with started(*command, "--count", "3", stdout=subprocess.PIPE, text=True) as watching:
        assert json.loads(watching.stdout.readline())["leader"] is None
        config = LeaderElectionConfig("reports", candidate="a", relinquish_interval=None)
        with LeaderElection(config, url) as election:
            token = election.wait_for_leadership(PATIENCE).token
            told = json.loads(watching.stdout.readline())
            assert (told["leader"], told["token"]) == ("a", token)
        assert json.loads(watching.stdout.readline())["leader"] is None
        assert watching.wait(PATIENCE) == 0


def test_it_ends_when_nobody_reads_it_any_more(tmp_path):
    """`incumbent watch … | grep -m 1 x` ends when grep has, though nothing changes: 141, as a writer would, no word."""
    command = [sys.executable, "-m", "incumbent", "watch", "--elector", f"local://{tmp_path}", "--name", "reports"]
    with started(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert "nobody leads" in watching.stdout.readline()
        watching.stdout.close()
        assert watching.wait(PATIENCE) == 141
        assert watching.stderr.read() == ""


def test_it_goes_on_where_nobody_was_meant_to_read_it(tmp_path):
    """What is printed into a file, or nowhere, has no reader that could go: it is watched for the record."""
    file = tmp_path / "terms.jsonl"
    url = f"local://{tmp_path}"
    watch = f"exec {sys.executable} -m incumbent watch --elector {url} --name reports --record {file} --count 2"
    with started("sh", "-c", f"{watch} >&-") as unheard, started("sh", "-c", f"{watch} >/dev/null") as sunk:
        eventually(lambda: file.exists() and len(file.read_text().splitlines()) == 2)
        config = LeaderElectionConfig("reports", candidate="a", relinquish_interval=None)
        with LeaderElection(config, url) as election:
            assert election.wait_for_leadership(PATIENCE) is not None
            assert [unheard.wait(PATIENCE), sunk.wait(PATIENCE)] == [0, 0]
