"""`incumbent status`: who leads, read without becoming a candidate."""

from __future__ import annotations

import json
import math
import signal
import sys
from dataclasses import replace
from subprocess import PIPE

import pytest
from patience import PATIENCE, in_time
from programs import started

from incumbent import LeaderElection, LeaderElectionConfig, LeaderRecord
from incumbent.cli import main
from incumbent.cli._overview import Seen
from incumbent.engine.steering import Request
from incumbent.steer import paused

STATUS = ["status", "--name", "service/reports", "--elector"]
NOW = 1_774_746_000.0
RECORD = LeaderRecord("service/reports", "web1:12:ab", 7, NOW - 3725, ("web1:12:ab", "web2:9:cd"))


@pytest.fixture
def answer(monkeypatch):
    """Let the backend answer with a given record."""
    monkeypatch.setattr("incumbent.cli.status.time.time", lambda: NOW)
    monkeypatch.delenv("INCUMBENT_ELECTOR", raising=False)
    asked = []

    def set_answer(record, request=None, waits_for=None):
        found = (None, Seen(record, request, waits_for))
        monkeypatch.setattr("incumbent.cli.status.read_one", lambda *asks: asked.append(asks) or found)
        return asked

    return set_answer


def status(capsys, *arguments):
    assert main(["status", "--name", "service/reports", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_people_see_who_leads_since_when_with_which_token(capsys, answer):
    """An aligned block; the candidates one below the other."""
    answer(RECORD)

    lines = status(capsys).splitlines()

    assert lines[0] == "election    service/reports"
    assert lines[1].startswith("elector     local://")
    assert lines[2:4] == ["leader      web1:12:ab", "token       7"]
    assert lines[4].startswith("since       2026-03-2")
    assert lines[4].endswith(" (1 h 2 min ago)")
    assert lines[5:] == ["candidates  web1:12:ab", "            web2:9:cd"]


def test_what_the_leader_tells_is_shown(capsys, answer):
    """So that others find it; what it wrote is escaped."""
    answer(replace(RECORD, info="http://web1:80\n\x1b"))
    assert status(capsys).splitlines()[4] == "info        http://web1:80\\n\\x1b"
    assert json.loads(status(capsys, "--json"))["info"] == "http://web1:80\n\x1b"


def test_nobody_leads_is_an_answer(capsys, answer):
    """Not being led is a value: code 0."""
    answer(LeaderRecord("service/reports", None, None))

    assert "leader      nobody\n" in status(capsys)
    assert json.loads(status(capsys, "--json"))["leader"] is None


@pytest.mark.parametrize(
    ("candidates", "told", "listed"),
    [(None, "candidates  not listed by this elector", None), ((), "candidates  none", [])],
)
def test_no_candidates_are_told_from_unknown_ones(capsys, answer, candidates, told, listed):
    """Who sees none must know whether there are none, or the elector cannot tell."""
    answer(LeaderRecord("service/reports", None, None, candidates=candidates))

    assert told in status(capsys).splitlines()
    assert json.loads(status(capsys, "--json"))["candidates"] == listed


def test_an_id_that_two_candidates_have_is_told(capsys, answer):
    """Such as a host's name as the id of two copies: nobody could tell them apart."""
    answer(LeaderRecord("service/reports", "web1", 7, None, ("web1", "web2", "web1")))

    assert status(capsys).splitlines()[-1].startswith("hint        an id is there twice")


def test_programs_get_json(capsys, answer):
    """All fields are always there."""
    answer(RECORD)

    assert json.loads(status(capsys, "--json", "--elector", "memory")) == {
        "elector": "memory://",
        "name": "service/reports",
        "leader": "web1:12:ab",
        "token": 7,
        "since": NOW - 3725,
        "info": None,
        "candidates": ["web1:12:ab", "web2:9:cd"],
        "request": None,
        "waits_for": None,
    }


@pytest.mark.parametrize("since", [math.nan, math.inf, 1e300, NOW + 60])
def test_a_time_that_makes_no_sense_is_shown_without_an_age(capsys, answer, since):
    """*since* is by another's clock, and another's word."""
    answer(LeaderRecord("service/reports", "a", 1, since))

    assert "ago" not in status(capsys)
    json.loads(status(capsys, "--json"), parse_constant=pytest.fail)


def test_what_others_wrote_is_escaped(capsys, answer):
    """A candidate id cannot repaint the terminal, nor reorder the line."""
    evil = "\x1b[2J\u202eroot\n"
    answer(LeaderRecord("service/reports", evil, 1, None, (evil,)))

    out = status(capsys)

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert out.count("\\x1b[2J\\u202eroot\\n") == 2
    assert json.loads(status(capsys, "--json"))["leader"] == evil


def test_a_password_is_not_shown(capsys, answer):
    """Neither people nor programs see what the URL hides."""
    answer(RECORD)

    for arguments in ([], ["--json"]):
        out = status(capsys, "--elector", "memory://me:s3cret@host", *arguments)
        assert "s3cret" not in out


def test_the_elector_comes_from_the_option_the_environment_or_is_local(capsys, answer, monkeypatch):
    """In this order; an empty variable is as good as none."""
    asked = answer(RECORD)

    status(capsys)
    monkeypatch.setenv("INCUMBENT_ELECTOR", "")
    status(capsys)
    monkeypatch.setenv("INCUMBENT_ELECTOR", "memory://from-environment")
    status(capsys)
    status(capsys, "--elector", "memory://from-option")

    assert [str(url) for url, _ in asked] == [
        "local://",
        "local://",
        "memory://from-environment",
        "memory://from-option",
    ]


def test_a_real_leader_is_seen(capsys, tmp_path):
    """What the engine holds is what the command shows, and nobody else becomes a candidate."""
    url = f"local://{tmp_path}"
    with LeaderElection(LeaderElectionConfig("service/reports", candidate="ada"), url) as election:
        term = election.wait_for_leadership(timeout=30)
        assert term is not None
        report = json.loads(status(capsys, "--elector", url, "--json"))
        assert term.is_valid()
        assert (report["leader"], report["token"]) == ("ada", term.token)
        assert abs(report["since"] - term.acquired_at) < 30
    assert json.loads(status(capsys, "--elector", url, "--json"))["leader"] is None


def test_looking_writes_nothing(capsys, tmp_path):
    """Neither where there is no state directory yet, nor beside what a candidate has left, or keeps open."""
    directory = tmp_path / "state"
    url = f"local://{directory}"
    status(capsys, "--elector", url)
    assert not directory.exists()
    with LeaderElection(LeaderElectionConfig("other", candidate="ada"), url) as election:
        election.wait_for_leadership(timeout=30)
        files = {path: path.stat().st_mtime_ns for path in directory.iterdir()}
        for name in ("service/reports", "other"):
            assert main(["status", "--elector", url, "--name", name]) == 0
        assert {path: path.stat().st_mtime_ns for path in directory.iterdir()} == files
    assert "ada" in capsys.readouterr().out
    (directory / "other.wake").unlink()
    assert main(["status", "--elector", url, "--name", "other"]) == 0
    assert {path.name for path in directory.iterdir()} == {"other.json", "other.lock"}


def test_people_and_programs_see_where_the_default_is(capsys, monkeypatch, tmp_path):
    """`local://` is another directory for another user: the URL is shown in full, as it can be used again."""
    monkeypatch.delenv("INCUMBENT_ELECTOR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    url = f"local://{tmp_path}/incumbent"

    assert f"elector     {url}" in status(capsys).splitlines()
    assert json.loads(status(capsys, "--json"))["elector"] == url


@pytest.mark.parametrize(
    "name", ["", "x" * 10_000, "a\x00b", "a\x1b[31mb", "a\nb", "/a", "a/", "a//b", ".", "a/../b", "a\udc80b"]
)
@pytest.mark.parametrize("elector", ["local://", "memory://"])
def test_a_bad_name_is_refused_in_one_line(capsys, name, elector):
    """Code 2 and one clean line, never a traceback."""
    assert main(["status", "--elector", elector, f"--name={name}"]) == 2
    refused(capsys)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "x" * 10_000,
        "nobodys://",
        "nobodys",
        "lokal://",
        "://",
        "local://?colour=red",
        "local://?x=1&x=2",
        "local:///a\x00b",
        "local:///a%00b",
        "local:///%zz",
        "local://host/path",
        "local://\x1b[31m",
        "memory://[::1",
        "memory://h:99999",
        "memory://h:0",
        "memory://h:-1",
        "memory://h:nan",
        "é://",
        "local:///\udc80",
    ],
)
def test_a_bad_elector_is_refused_in_one_line(capsys, url):
    """Code 2 and one clean line, never a traceback."""
    assert main(["status", "--elector", url, "--name", "n"]) == 2
    refused(capsys)


@pytest.mark.parametrize("url", ["nobodys://me:s3cret@h", "memory://me:s3cret@h:0", "memory://me:s3cret@h/?x=s3cret"])
def test_a_refused_url_keeps_its_password(capsys, url):
    """Not even an error shows a secret."""
    assert main(["status", "--elector", url, "--name", "n"]) == 2
    assert "s3cret" not in refused(capsys).replace("?x=s3cret", "")


def test_a_bad_elector_in_the_environment_is_refused(capsys, monkeypatch):
    """The variable is no other door."""
    monkeypatch.setenv("INCUMBENT_ELECTOR", "nobodys://")

    assert main(["status", "--name", "n"]) == 2
    assert "nobodys" in refused(capsys)


def refused(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("incumbent: ")
    line = captured.err.removesuffix("\n")
    assert line.isprintable()
    assert "this is a bug" not in line
    return line


@pytest.mark.parametrize(
    ("leader", "asked", "code"),
    [
        ("a", [], 0),
        (None, [], 0),
        ("a", ["--led"], 0),
        (None, ["--led"], 3),
        ("a", ["--led-by", "a"], 0),
        ("a", ["--led-by", "b"], 4),
        (None, ["--led-by", "a"], 3),
    ],
)
def test_scripts_ask_by_the_exit_code(answer, capsys, leader, asked, code):
    """Does anybody lead, is it that candidate: what is shown is the same, and the code answers."""
    answer(LeaderRecord("service/reports", leader, None if leader is None else 7))
    assert main(["status", "--name", "service/reports", *asked]) == code
    captured = capsys.readouterr()
    assert f"leader      {leader or 'nobody'}\n" in captured.out
    assert captured.err == ""


def test_waiting_ends_when_it_is_so(tmp_path, capsys):
    """`--wait` returns as soon as somebody leads, or the candidate that was named, with what is so then."""
    url = f"local://{tmp_path}"
    config = LeaderElectionConfig("service/reports", candidate="a", relinquish_interval=None)
    election = LeaderElection(config, url)
    with started(sys.executable, "-m", "incumbent", *STATUS, url, "--wait", "60", stdout=PIPE, text=True) as waiting:
        with election:
            election.wait_for_leadership(PATIENCE)
            assert waiting.wait(PATIENCE) == 0
            assert main([*STATUS, url, "--wait", "60", "--led-by", "a"]) == 0
        assert "leader      a\n" in waiting.stdout.read()
    assert "leader      a\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([], "nobody has led service/reports within 0.1 s"),
        (["--led"], "nobody has led service/reports within 0.1 s"),
        (["--led-by", "b"], "b has not led service/reports within 0.1 s"),
    ],
)
def test_waiting_in_vain_says_so(tmp_path, capsys, asked, words):
    """What is seen at the end is shown, the code is 124, and a line says what has not come."""
    assert main([*STATUS, f"local://{tmp_path}", "--wait", "0.1", *asked]) == 124
    captured = capsys.readouterr()
    assert "leader      nobody\n" in captured.out
    assert captured.err == f"incumbent: {words}\n"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("pause"), "a pause: nobody is elected anew"),
        (Request("handover", 7, "web2"), "a hand-over to web2"),
        (Request("handover", 7), "a hand-over to anybody"),
    ],
)
def test_what_is_asked_for_is_shown(answer, capsys, request_, words):
    """A pause, and a hand-over that waits, are there while they last: in words for people, in parts for programs."""
    answer(RECORD, request_)
    assert f"asked for   {words}\n" in status(capsys)
    told = json.loads(status(capsys, "--json"))["request"]
    assert told == {"do": request_.do, "from": request_.term, "to": request_.to}


def test_what_the_leader_waits_for_is_shown(answer, capsys):
    """Whoever keeps a claim for a callback has ended its term: that is not shown as a leader that works."""
    answer(RECORD, waits_for="on_elected")
    words = "waits for   on_elected, to hand over: nobody leads until that has returned\n"
    assert words in status(capsys)
    assert json.loads(status(capsys, "--json"))["waits_for"] == "on_elected"


def pause(url, **streams):
    """Return the process of `incumbent pause`."""
    command = [sys.executable, "-m", "incumbent", "pause", "--elector", url, "--name", "service/reports"]
    return started(*command, stdout=PIPE, text=True, **streams)


def test_pause_that_waits_for_another_request_says_so(tmp_path):
    """What is asked for already is named; SIGTERM ends the command before its pause has begun."""
    url = f"local://{tmp_path}"
    with paused(url, "service/reports"), pause(url, stderr=PIPE) as pausing:
        assert pausing.stdout.readline() == "waiting until this is over: a pause: nobody is elected anew\n"
        pausing.terminate()
        assert pausing.wait(PATIENCE) == 128 + signal.SIGTERM
        assert (pausing.stdout.read(), pausing.stderr.read()) == ("", "")


def test_pause_is_shown_while_it_lasts(tmp_path, capsys):
    """`incumbent pause` holds it, says so, and ends with SIGTERM; nobody was elected meanwhile."""
    url = f"local://{tmp_path}"
    with pause(url) as pausing:
        assert pausing.stdout.readline() == "paused: nobody leads; nobody is elected until Ctrl-C\n"
        assert main([*STATUS, url]) == 0
        assert "asked for   a pause: nobody is elected anew\n" in capsys.readouterr().out
        config = LeaderElectionConfig("service/reports", steering=True)
        with LeaderElection(config, url) as election:
            in_time(lambda: election.situation.aside_for == "the election is paused")
            assert not election.is_leader()
            pausing.terminate()
            assert pausing.wait(PATIENCE) == 0
            assert pausing.stdout.read() == "the pause is over\n"
            in_time(election.is_leader)
    assert main([*STATUS, url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["request"] is None
