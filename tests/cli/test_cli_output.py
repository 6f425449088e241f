"""What the commands print: safe, aligned, and readable in any encoding."""

from __future__ import annotations

import io
import json
import math
import sys

import pytest

from incumbent.cli import _output


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain:1 é 漢", "plain:1 é 漢"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\x9b31m", "\\x9b31m"),
        ("\udc80\x00\x7f", "\\udc80\\x00\\x7f"),
        ("\u2028\u200b", "\\u2028\\u200b"),
    ],
)
def test_clean_escapes_what_could_act_on_a_terminal(raw, shown):
    """Control, ANSI, bidi and invisible characters from others become visible escapes."""
    assert _output.clean(raw) == shown


@pytest.mark.parametrize("raw", ["x" * 10_000, "\x1b" * 10_000, "x" * 256])
def test_clean_cuts_what_is_too_long_and_shows_it(raw):
    """Ten thousand characters of someone else's stay one short cell."""
    shown = _output.clean(raw)

    assert len(shown) == 255
    assert shown.endswith("...")


def test_clean_leaves_the_longest_valid_id_whole():
    """A candidate id may have 255 characters; all are shown."""
    assert _output.clean("x" * 255) == "x" * 255


def test_complain_prints_one_line_and_returns_the_code(capsys):
    """Even an error message with line breaks stays one line, on stderr."""
    assert _output.complain("first\nsecond\x1b[0m", 7) == 7

    captured = capsys.readouterr()
    assert captured.err == "incumbent: first\\nsecond\\x1b[0m\n"
    assert captured.out == ""


def test_complain_says_nothing_where_there_is_no_stderr(capsys, monkeypatch):
    """What is wrong does not go into the answer that a program reads on stdout."""
    monkeypatch.setattr(sys, "stderr", None)
    assert _output.complain("a problem", 7) == 7
    assert capsys.readouterr().out == ""


def test_a_table_is_aligned_and_has_no_trailing_blanks(capsys):
    """Columns are as wide as their widest cell."""
    _output.show_table([("a", "long cell", "x"), ("bcd", "", "")])

    assert capsys.readouterr().out == "a    long cell  x\nbcd\n"


def test_an_empty_table_prints_nothing(capsys):
    """No rows, no lines."""
    _output.show_table([])

    assert capsys.readouterr().out == ""


def test_show_escapes_what_the_encoding_cannot_say(monkeypatch):
    """An ASCII terminal gets an escape, not a UnicodeEncodeError."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))

    _output.show("café 漢")

    assert raw.getvalue() == b"caf\\xe9 \\u6f22\n"


def test_show_survives_without_stdout(monkeypatch):
    """A process started with a closed stdout has None there."""
    monkeypatch.setattr(sys, "stdout", None)

    _output.show("nobody reads this")


def test_json_is_ascii_and_refuses_what_json_cannot_say(capsys):
    """Programs get escapes for everything beyond ASCII, and never a bare NaN."""
    _output.show_json({"id": "\x1b[31m\u202e\udc80"})
    out = capsys.readouterr().out

    assert out.isascii()
    assert json.loads(out) == {"id": "\x1b[31m\u202e\udc80"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        _output.show_json(math.nan)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0 ms"),
        (0.0124, "12 ms"),
        (1, "1 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (12_000, "3 h 20 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (86_460, "1 d"),
    ],
)
def test_durations_have_two_units_at_most(seconds, shown):
    """People get the two largest units."""
    assert _output.duration(seconds) == shown


@pytest.mark.parametrize("epoch", [math.nan, math.inf, 1e300, -1e300, 10.0**18])
def test_a_time_beyond_the_calendar_is_shown_as_a_number(epoch):
    """A backend's nonsense for *since* is shown, not raised."""
    assert _output.local_time(epoch) == f"{epoch!r} s after 1970"
    assert _output.utc_time(epoch) == f"{epoch!r} s after 1970"


def test_utc_is_utc():
    """A known instant."""
    assert _output.utc_time(1_774_746_000) == "2026-03-29 01:00:00 UTC"


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(monkeypatch, terminal, environment, wanted):
    """Piped output is plain, and so is a terminal whose reader says NO_COLOR."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert (_output.paint("31", "red") == "\x1b[31mred\x1b[0m") is wanted
    assert (_output.paint("31", "red") == "red") is not wanted


# ------------------------------------------------------------ long lines


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch, columns=40):
    """Let stdout be a terminal without colours, and return it."""
    for name, value in (("COLUMNS", str(columns)), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal())
    return sys.stdout


LONG = "a-hyphen is no place to break a line, and an/address/that/is/longer/than/a/line is left whole"


def test_no_word_is_broken_on_a_terminal(monkeypatch):
    """What does not fit goes on in the column where it began; a word that is too long is left to be copied."""
    shown = terminal(monkeypatch)
    _output.show_table([("yes", "push", LONG), ("no", "observe", "")])

    assert shown.getvalue().splitlines() == [
        "yes  push     a-hyphen is no place to",
        "              break a line, and",
        "              an/address/that/is/longer/than/a/line",
        "              is left whole",
        "no   observe",
    ]


def test_a_terminal_may_be_too_narrow(monkeypatch):
    """Then lines are broken, and nothing fails."""
    shown = terminal(monkeypatch, columns=1)
    _output.show_table([("a", "b" * 60, LONG)])

    assert "".join(shown.getvalue().split()) == "".join(f"a {'b' * 60} {LONG}".split())


def test_a_program_gets_whole_lines(capsys, monkeypatch):
    """Who reads through a pipe has one line for each thing, however wide the terminal beside it is."""
    monkeypatch.setenv("COLUMNS", "40")
    _output.show_table([("yes", LONG)])

    assert capsys.readouterr().out == f"yes  {LONG}\n"


def test_what_the_doctor_and_electors_say_is_folded(monkeypatch):
    """A finding, its remedy, and the cause of a broken elector go on where they began."""
    from incumbent import ElectorLoadError, Finding
    from incumbent.cli import doctor, electors
    from incumbent.registry import Installed

    def shown(print_it):
        stdout = terminal(monkeypatch)
        print_it()
        return stdout.getvalue().splitlines()

    broken = Installed("odd", "odd", "1", None, ElectorLoadError(LONG))
    finding = shown(lambda: doctor._show(Finding("warning", LONG)))
    remedy = shown(lambda: doctor._show(Finding("warning", "short", LONG)))[1:]
    cause = shown(lambda: electors._show(broken))[1:]
    for lines, head in ((finding, "warning  "), (remedy, "         -> "), (cause, "  broken: ")):
        assert lines[0].startswith(head)
        assert {line[: len(head)].strip() for line in lines[1:]} == {""}
        assert " ".join(line[len(head) :] for line in lines) == LONG
        assert all(len(line) <= 40 or " " not in line[len(head) :] for line in lines)
