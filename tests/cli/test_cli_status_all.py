"""`incumbent status --all`: every election of a backend, with who leads it and what is asked for."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from patience import PATIENCE

from incumbent import (
    Backend,
    BackendSettings,
    LeaderElection,
    LeaderElectionConfig,
    LeaderRecord,
    no,
    open_backend,
    read_leader,
)
from incumbent.cli import _overview, main
from incumbent.electors.memory import MemoryBackend
from incumbent.engine.notice import Notice
from incumbent.engine.steering import Request
from incumbent.steer import paused

NOW = 1_774_746_000.0


def show(capsys, *arguments):
    """Return the exit code, the lines of stdout, and stderr."""
    code = main(["status", "--all", *arguments])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


@pytest.fixture
def url():
    """A backend on which `a` and `b/c` are led, and `b/c` and `d` are paused."""
    with ExitStack() as stack:
        for name in ("b/c", "a"):
            config = LeaderElectionConfig(name, candidate=f"of {name}", info="http://x:1", relinquish_interval=None)
            election = stack.enter_context(LeaderElection(config, "memory://status-all"))
            election.wait_for_leadership(PATIENCE)
        for name in ("b/c", "d"):
            stack.enter_context(paused("memory://status-all", name))
        yield "memory://status-all"


def test_each_election_has_a_line(capsys, url):
    """By name; requests stand in the line of their election, also if nobody leads it."""
    code, (heading, *lines), err = show(capsys, "--elector", url)
    assert (code, err) == (0, "")
    assert heading.split() == ["election", "leader", "token", "since", "candidates", "asked", "for", "info"]
    starts = [heading.index(title) for title in _overview.HEADING]
    cells = [
        [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)] for line in lines
    ]
    a, b, d = cells
    pause = "a pause: nobody is elected anew"
    assert (a[:2], a[4:]) == (["a", "of a"], ["1", "-", "http://x:1"])
    assert (b[:2], b[4:]) == (["b/c", "of b/c"], ["1", pause, "http://x:1"])
    assert d == ["d", "nobody", "-", "-", "0", pause, ""]
    assert a[2].isdigit()
    assert a[3].endswith(" ago")


def test_a_leader_that_waits_for_a_callback_says_so(capsys, url):
    """What its candidate tells of the present term stands in its line, and is no election; of another term, none."""
    with ExitStack() as stack:
        backend = stack.enter_context(closing(open_backend(url, BackendSettings(15.0, 2.0))))
        for name, token in (("a", read_leader(url, "a").token), ("b/c", 99)):
            elector = backend.elector(f"{name}.notice", str(Notice(token, "on_elected")))
            stack.enter_context(closing(elector)).acquire_leadership()
        lines = show(capsys, "--elector", url)[1][1:]
    assert [line.partition("  ")[0] for line in lines] == ["a", "b/c", "d"]
    assert "of a, waits for on_elected  " in lines[0]
    assert "waits for" not in "".join(lines[1:])


def test_programs_get_what_they_get_of_one(capsys, url):
    """An object for each election, the same as if it were asked for by its name."""
    elector = ["--elector", url, "--json"]
    code, lines, err = show(capsys, *elector)
    assert (code, err) == (0, "")
    told = json.loads("\n".join(lines))
    assert [each["name"] for each in told] == ["a", "b/c", "d"]
    for each in told:
        assert main(["status", "--name", each["name"], *elector]) == 0
        assert json.loads(capsys.readouterr().out) == each


def test_nothing_is_led_at_all(capsys, tmp_path):
    """That is an answer, and leaves nothing behind."""
    state = tmp_path / "state"
    code, lines, err = show(capsys, "--elector", f"local://{state}")
    assert (code, lines, err) == (0, [f"elector    local://{state}", "elections  none"], "")
    assert show(capsys, "--elector", f"local://{state}", "--json") == (0, ["[]"], "")
    assert not state.exists()


def test_there_are_more_than_are_shown(capsys, monkeypatch, url):
    """Not all are read; stderr says so, and stdout stays for programs."""
    monkeypatch.setattr("incumbent.cli._overview.MOST", 2)
    monkeypatch.setattr("incumbent.cli.status.MOST", 2)
    code, lines, err = show(capsys, "--elector", url, "--json")
    assert [each["name"] for each in json.loads("\n".join(lines))] == ["a", "b/c"]
    assert (code, err) == (0, "incumbent: there are more: these are 2 of them\n")


def test_backend_that_lists_none_says_so(capsys, monkeypatch):
    """In one line, with the reason that it declares."""
    monkeypatch.setattr(MemoryBackend, "capabilities", replace(MemoryBackend.capabilities, listing=no("it forgets")))
    monkeypatch.setattr(MemoryBackend, "elections", Backend.elections)
    words = "incumbent: this elector cannot list elections: it forgets\n"
    assert show(capsys, "--elector", "memory://") == (1, [], words)


@pytest.mark.parametrize("also", [["--name", "a"], ["--led"], ["--led-by", "a"], ["--wait", "1"]])
def test_all_is_asked_for_alone(capsys, also):
    """What is asked of one election makes no sense for all."""
    words = "incumbent: --all shows what there is: give --name, --led, --led-by and --wait without it\n"
    assert show(capsys, *also) == (2, [], words)


def test_one_or_all_must_be_asked_for(capsys):
    """Neither is a default that somebody could mean."""
    assert main(["status"]) == 2
    words = "incumbent: an election is required: --name NAME, or --all (see 'incumbent status --help')\n"
    assert capsys.readouterr().err == words


@pytest.mark.parametrize("since", [NOW + 60, float("nan"), float("inf"), None])
def test_a_time_that_makes_no_sense_is_not_shown(since):
    """*since* is by another's clock, and another's word."""
    record = LeaderRecord("a", "b", 1, since, ("b", "c"))
    request = Request("handover", 1, "c")
    seen = _overview.Seen(record, request)
    assert _overview.lines([seen], NOW) == [("a", "b", "1", "-", "2", "a hand-over to c", "")]
