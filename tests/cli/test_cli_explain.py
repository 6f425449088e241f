"""`incumbent explain`: the next times of a relinquish spec."""

from __future__ import annotations

import json
import time

import pytest

from incumbent.cli import main

#: Thursday 2026-10-22 12:00:00 UTC, three days before the clocks change in Europe.
NOW = 1_792_670_400.0


@pytest.fixture
def frozen(monkeypatch):
    """Stop the clock and put the machine in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    monkeypatch.setattr("incumbent.cli.explain.time.time", lambda: NOW)
    yield
    monkeypatch.undo()
    time.tzset()


def explain(capsys, *arguments):
    assert main(["explain", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.mark.usefixtures("frozen")
def test_cron_times_are_shown_in_both_zones_across_a_clock_change(capsys):
    """04:30 stays 04:30 local, while its UTC moves by an hour."""
    out = explain(capsys, "30 4 * * *", "--count", "4")

    assert [" ".join(line.split()) for line in out.splitlines()[1:]] == [
        "2026-10-23 04:30:00 CEST 2026-10-23 02:30:00 UTC in 14 h 30 min",
        "2026-10-24 04:30:00 CEST 2026-10-24 02:30:00 UTC in 1 d 14 h",
        "2026-10-25 04:30:00 CET 2026-10-25 03:30:00 UTC in 2 d 15 h",
        "2026-10-26 04:30:00 CET 2026-10-26 03:30:00 UTC in 3 d 15 h",
    ]


@pytest.mark.usefixtures("frozen")
def test_utc_is_shown_once(capsys, monkeypatch):
    """Where the machine's zone is UTC, as on most servers, a line says each time once."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    assert explain(capsys, "30 4 * * *", "--count", "1").splitlines()[1] == "  2026-10-23 04:30:00 UTC  in 16 h 30 min"


@pytest.mark.usefixtures("frozen")
def test_the_zone_of_the_spec_counts(capsys):
    """CRON_TZ decides when; the machine's zone only how it is shown."""
    (moment,) = json.loads(explain(capsys, "CRON_TZ=Asia/Tokyo 0 9 * * *", "--count=1", "--json"))["times"]

    assert moment == {
        "epoch": NOW + 12 * 3600,
        "local": "2026-10-23 02:00:00 CEST",
        "utc": "2026-10-23 00:00:00 UTC",
    }


@pytest.mark.usefixtures("frozen")
def test_an_interval_counts_from_the_beginning_of_the_term(capsys):
    """`@every` is shown as if a term began now."""
    report = json.loads(explain(capsys, "@every 1h30m", "--count", "2", "--json"))

    assert report["spec"] == "@every 1h30m"
    assert [moment["epoch"] for moment in report["times"]] == [NOW + 5400, NOW + 10800]


def test_five_times_are_shown_by_default(capsys):
    """One line says what the spec means, and five follow."""
    assert len(explain(capsys, "@hourly").splitlines()) == 6


def test_as_many_times_as_asked_for_are_shown(capsys):
    """The largest count works, and every time is later than the one before."""
    epochs = [m["epoch"] for m in json.loads(explain(capsys, "@monthly", "--count", "1000", "--json"))["times"]]

    assert len(epochs) == 1000
    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize(
    "count",
    [
        "0",
        "-1",
        "1001",
        "1" * 10_000,
        "nan",
        "inf",
        "1e3",
        "2.5",
        "",
        " 5",
        "1_0",
        "\u0665",
        "five",
        "5\x1b[m",
        "\udc80",
    ],
)
def test_a_count_that_is_no_number_from_1_to_1000_is_refused(capsys, count):
    """One line with the value and the rule."""
    assert main(["explain", "@daily", f"--count={count}"]) == 2

    err = capsys.readouterr().err
    assert err.startswith("incumbent: --count: '")
    assert err.endswith("is not a whole number from 1 to 1000 (see 'incumbent explain --help')\n")
    assert len(err) < 200
    assert err[:-1].isprintable()


def test_a_count_given_twice_is_refused(capsys):
    """Also when both say what is the default."""
    assert main(["explain", "@daily", "--count", "5", "--count", "5"]) == 2

    assert "--count is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spec",
    [
        "",
        " ",
        "x",
        "x" * 10_000,
        "@reboot",
        "@every",
        "@every 0s",
        "@every -5s",
        "@every nan",
        "@every inf",
        "@every 1h30",
        "0 0 31 2 *",
        "60 * * * *",
        "* * * *",
        "* * * * * *",
        "CRON_TZ=No/Where 0 0 * * *",
        "CRON_TZ=../../etc/passwd 0 0 * * *",
        "* * * * \x00",
        "* * * * \x1b[31m",
        "\u0665 * * * *",
        "* * * * \udc80",
    ],
)
def test_a_bad_spec_is_refused_in_one_line(capsys, spec):
    """Code 2 and one clean line, never a traceback."""
    assert main(["explain", spec]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("incumbent: ")
    assert captured.err[:-1].isprintable()
    assert "this is a bug" not in captured.err
