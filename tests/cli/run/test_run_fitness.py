"""Who runs no command although nobody leads: it may not, or is not fit to; and what it tells of itself if it does."""

import json
import shlex
import sys

import pytest

from incumbent import read_leader
from incumbent.address import shorten
from incumbent.cli import main


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_observer_never_leads(bench, by):
    """With `--observer`, or INCUMBENT_ELIGIBLE=no, nobody leads; and the last line says why."""
    flags = ["--observer"] if by == "flag" else []
    if by == "environment":
        bench.environment["INCUMBENT_ELIGIBLE"] = "no"
    code, out, err = bench.run(*flags, "--wait-timeout", "1", command=["echo", "leading"])
    assert (code, out) == (124, "")
    assert err == "incumbent: not elected within 1 s: this candidate stands aside: it is not eligible\n"


def test_command_moves_with_the_health(bench, tmp_path):
    """A leader that is not healthy any more is succeeded by one that is; its command has ended first."""
    sick = tmp_path / "sick"
    check = f"import os, sys; sys.exit(os.path.exists({str(sick)!r}))"
    health = shlex.join([sys.executable, "-S", "-E", "-c", check])
    often = ["--health-interval", "0.5", "--health-failures", "2"]
    bench.start("--id", "a", "--health", health, *often, command=bench.worker())
    bench.begun()
    bench.start("--id", "b", command=bench.worker())
    sick.touch()
    first, second = bench.begun(2)[:2]
    assert second.token > first.token
    assert bench.log("overlap") == []
    assert read_leader(bench.local, "job").candidate == "b"


def test_preference_of_a_machine_is_no_number(capsys, monkeypatch):
    """INCUMBENT_PREFERENCE is named; `--preference` goes before it."""
    monkeypatch.setenv("INCUMBENT_PREFERENCE", "high")
    command = ["run", "--elector", "memory://", "--name", "job", "--", "true"]
    assert main(command) == 2
    assert capsys.readouterr().err == "incumbent: INCUMBENT_PREFERENCE: 'high' is not a whole number from 0 to 100\n"
    assert main([*command[:1], "--preference", "100", *command[1:]]) == 0


def test_others_are_shown_what_it_tells_of_itself(bench):
    """By `--info`, or else by INCUMBENT_INFO; the command finds its leader's as others do."""
    ask = [*bench.incumbent, "status", "--name", "job", "--json"]
    bench.environment |= {"INCUMBENT_INFO": "http://b:1", "INCUMBENT_ELECTOR": bench.local}
    for flags, info in ((["--info", "http://a:1"], "http://a:1"), ([], "http://b:1")):
        code, out, _ = bench.run(*flags, command=ask)
        assert (code, json.loads(out)["info"]) == (0, info)


def test_info_that_is_none_is_one_line(capsys):
    """A text that is too long, before anything is asked for."""
    assert main(["run", "--elector", "memory://", "--name", "job", "--info", "x" * 256, "--", "true"]) == 2
    assert capsys.readouterr().err == f"incumbent: info {shorten('x' * 256)} is longer than 255 characters\n"


@pytest.mark.parametrize(
    ("flags", "variable", "words"),
    [
        (["--health", ""], "", "--health is empty: give a command"),
        (["--health", "'x"], "", "--health ''x': no closing quotation"),
        ([], "maybe", "INCUMBENT_ELIGIBLE: 'maybe' must be yes or no"),
        (
            ["--preference", "101"],
            "",
            "--preference: '101' is not a whole number from 0 to 100 (see 'incumbent run --help')",
        ),
    ],
)
def test_mistakes_are_one_line(capsys, monkeypatch, flags, variable, words):
    """What is no command, neither yes nor no, or no preference."""
    monkeypatch.setenv("INCUMBENT_ELIGIBLE", variable)
    assert main(["run", "--elector", "memory://", "--name", "job", *flags, "--", "true"]) == 2
    assert capsys.readouterr().err == f"incumbent: {words}\n"
