"""`incumbent timeline`: the drawing of what `incumbent watch` has kept."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET

import pytest

from incumbent.cli import main

NOW = 1_792_670_400.0


def line(at, leader, token, election="reports"):
    return json.dumps({"at": NOW + at, "election": election, "leader": leader, "token": token}) + "\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "terms.jsonl"
    path.write_text(line(0, "a", 1) + line(60, None, None) + line(61, "b", 2) + line(120, "b", 3))
    return path


def test_drawing_lies_beside_the_file(file, capsys):
    """The SVG has the file's name; a line says what is in it, and where it is."""
    assert main(["timeline", str(file)]) == 0
    told, where = capsys.readouterr().out.splitlines()
    assert told == "reports: 3 terms of 2 candidates in 2 min; nobody led for 1.0 s (0.83 %), at most 1.0 s at a time"
    assert where == f"drawn in {file.with_suffix('.svg')}"
    assert ET.parse(file.with_suffix(".svg")).getroot().tag.endswith("svg")


def test_output_goes_where_it_is_asked_for(file, tmp_path, capsys, monkeypatch):
    """`--output FILE`, or `-` for stdout, as what is read from stdin has no file to lie beside."""
    assert main(["timeline", str(file), "--output", str(tmp_path / "x.svg")]) == 0
    capsys.readouterr()
    assert main(["timeline", str(file), "--output", "-"]) == 0
    drawn = capsys.readouterr().out
    assert drawn == (tmp_path / "x.svg").read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO(file.read_text()))
    assert main(["timeline", "-"]) == 0
    assert capsys.readouterr().out == drawn


def test_one_of_several_elections_is_chosen_by_its_name(file, capsys):
    """A file may hold what was seen of many elections; which one is meant has to be said."""
    with file.open("a") as more:
        more.write(line(5, "z", 9, election="invoices"))
    assert main(["timeline", str(file)]) == 2
    assert "choose one with --name: 'reports', 'invoices'" in capsys.readouterr().err
    assert main(["timeline", str(file), "--name", "invoices"]) == 0
    assert capsys.readouterr().out.startswith("invoices: 1 term of 1 candidate")
    assert main(["timeline", str(file), "--name", "nightly"]) == 2
    assert "has nothing of 'nightly', but of 'reports', 'invoices'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: record something"),
        ("hello\n", "line 1: it is not JSON; is it from 'incumbent watch --record'?"),
        (line(0, "a", 1) + "\n", "line 2: it is not JSON"),
        ("\xff\xfe", "line 1: it is not JSON"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, capsys, text, words):
    """The file and the line are named."""
    path = tmp_path / "other"
    path.write_text(text, encoding="latin-1")
    assert main(["timeline", str(path)]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert len(err.splitlines()) == 1


def test_missing_file_is_one_line(tmp_path, capsys):
    """A name that was mistyped is told as the system tells it."""
    assert main(["timeline", str(tmp_path / "nothing")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
