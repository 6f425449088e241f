"""What `incumbent run` tells on stderr: as much as is asked for, in the form that is asked for."""

import io
import json
import logging
import re

import pytest

from incumbent.cli import main
from incumbent.cli._log import Log, told

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} incumbent: <\S+ of job>: "


def messages(err):
    """Return the lines without time and candidate, of which each must have both."""
    return [re.sub(f"^{STAMP}", "", line) for line in err.splitlines() if re.match(STAMP, line)]


def test_nothing_is_told_while_all_is_well(bench):
    """A command's stderr is its own: without -v a run in order adds nothing to it."""
    assert bench.run(command=["true"]) == (0, "", "")


def test_verbose_tells_each_term(bench):
    """With -v: elected, deposed, handed over, each with the time, the candidate and its election."""
    code, _, err = bench.run("-v", "--id", "me", command=["true"])
    assert code == 0
    told = messages(err)
    assert len(told) == len(err.splitlines()) == 3
    assert told[:2] == ["elected, token 1", "deposed, token 1: stopped"]
    assert re.fullmatch(r"handed over, token 1, after \d+\.\d{3} s: stopped", told[2])


def test_verbose_tells_who_is_waited_for(bench):
    """A candidate that waits names the leader."""
    bench.start("--id", "first", command=bench.worker())
    bench.begun()
    code, _, err = bench.run("-v", "--wait-timeout", "2", command=["true"])
    assert code == 124
    assert messages(err) == ["waiting: first leads, token 1"]


@pytest.mark.parametrize(("flags", "warns"), [((), True), (("-q",), False), (("-v",), True)])
def test_outages_are_warned_of_unless_quiet(bench, flags, warns):
    """A backend that fails is a warning, which -q leaves out; the last line says why it ends all the same."""
    (bench.directory / "down-me").touch()
    waiting = ["--id", "me", "--wait-timeout", "1", *flags]
    code, _, err = bench.run(*waiting, command=["true"], elector=bench.ttlfile)
    assert code == 124
    assert ("the backend fails, retrying: the file server is down" in messages(err)) is warns
    assert err.splitlines()[-1].startswith("incumbent: not elected within 1 s: ")


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_lines_for_programs_are_json(bench, by):
    """`--log-format json`, or INCUMBENT_LOG: an object a line, with the election, the token and the reason."""
    flags = ["-v", "--log-format", "json"] if by == "flag" else []
    if by == "environment":
        bench.environment["INCUMBENT_LOG"] = "INFO, json"
    code, _, err = bench.run("--id", "me", *flags, command=["true"])
    assert code == 0
    told = [json.loads(line) for line in err.splitlines()]
    assert [(each["level"], each["election"], each["candidate"], each["token"], each["reason"]) for each in told] == [
        ("info", "job", "me", 1, None),
        ("info", "job", "me", 1, "stopped"),
        ("info", "job", "me", 1, "stopped"),
    ]
    assert told[0]["message"] == "<me of job>: elected, token 1"
    assert told[0]["at"] < told[-1]["at"] < told[0]["at"] + 60


@pytest.mark.parametrize(
    ("flags", "variable", "words"),
    [
        (["-v", "-q"], "", "--verbose and --quiet: give one of them"),
        (["--log-format", "xml"], "", "--log-format 'xml' is none of text, json"),
        ([], "loud", "INCUMBENT_LOG: 'loud' is none of debug, info, warning, error, text, json"),
    ],
)
def test_mistakes_are_one_line(capsys, monkeypatch, flags, variable, words):
    """What is none of the values is refused with them, before anything is campaigned for."""
    monkeypatch.setenv("INCUMBENT_LOG", variable)
    assert main(["run", "--elector", "memory://", "--name", "job", *flags, "--", "true"]) == 2
    assert capsys.readouterr().err == f"incumbent: {words}\n"


@pytest.mark.parametrize("where", ["terminal", "journal"])
def test_no_time_is_told_where_there_is_one(monkeypatch, where):
    """A person sees lines as they come, and systemd's journal has the time of each."""
    stream = io.StringIO()
    stream.isatty = lambda: where == "terminal"
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("JOURNAL_STREAM", "8:1" if where == "journal" else "")
    with told(Log(logging.WARNING, is_json=False), logging.LogRecord.getMessage):
        logging.getLogger("incumbent").warning("a \x1b[2J colour")
    assert stream.getvalue() == "incumbent: a \\x1b[2J colour\n"
