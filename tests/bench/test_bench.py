"""`nox -s bench`: its programs run, its statistics are right, its page shows the record. No figure is judged."""

from __future__ import annotations

import pytest
from bench.drawing import svg
from bench.figures import Table, brief
from bench.report import HEADING, PAGE, PICTURE, RECORD, Report
from bench.servers import PLACES

from bench import __main__ as bench
from bench import loads, report, rows

#: Of the tables of each row on `local`, where nobody counts requests.
TITLES = {
    "handover": ["Hand-over"],
    "command": ["Hand-over of a command"],
    "cycles": ["Acquire and release"],
    "crash": ["Fail-over after SIGKILL, ttl 5 s where it can be set"],
    "idle": [],
    "herd": ["Hand-over while 2 wait"],
    "memory": ["Memory of a leader (RSS)"],
    "start": [
        "Importing LeaderElection, beyond bare Python: processor's time",
        "Looking who leads, from the command line: processor's time",
    ],
    "thousand": [f"3 elections in one process: {what}" for what in ("until all are led", "memory for each", "threads")],
}


@pytest.fixture
def _small(monkeypatch):
    """Measure little, and do not wait until the machine has calmed down."""
    for module in (rows, loads):
        monkeypatch.setattr(module, "LINE", 0.1)
    for name, value in {
        "HERDS": (2,),
        "ELECTIONS": 3,
        "WAITING": 2,
        "CALM": 0.1,
        "COUNTED": 1.0,
        "CAUSED": 0.1,
    }.items():
        monkeypatch.setattr(loads, name, value)
    monkeypatch.setattr(rows, "CYCLES", 2)
    monkeypatch.setattr(rows, "ENOUGH", 0.0)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("row", bench.ROWS)
def test_every_row_is_measured(row):
    """Each program runs on `local`: ours has a figure for each round, and nobody was left out."""
    tables = bench.run([row], ["local"], rounds=1).tables
    assert [table.title for table in tables] == TITLES[row]
    for table in tables:
        assert table.notes == []
        assert all(len(table.of(peer)) == 1 for peer in table.values)
        assert next(iter(table.values)).startswith("incumbent")


@pytest.mark.thorough
@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("store", sorted(set(PLACES) - {"local"}))
def test_every_store_is_measured(store):
    """So do the raw loops and the tools on servers, which count the requests of whoever waits and leads."""
    tables = bench.run(["handover", "command", "idle", "herd"], [store], rounds=1).tables
    # Of other libraries' locks, some fail with the versions that stand here: that is what is noted.
    assert [note for table in tables for note in table.notes if note.startswith(("incumbent", "raw loop"))] == []
    assert {"raw loop", "incumbent"} <= {peer for table in tables for peer in table.values}
    counted = [table for table in tables if "requests" in table.title.lower()]
    assert counted
    assert all(figure >= 0 for table in counted for peer in table.values for figure in table.of(peer))


def table(**values):
    made = Table("handover", "etcd", "Hand-over", "ms")
    made.values = dict(values)
    return made


def test_ratios_are_those_of_one_round():
    """The machine's bad rounds are everybody's: only figures of one round are divided, and failed ones left out."""
    measured = table(ours=[2.0, 20.0, None, 4.0], floor=[1.0, 10.0, 1.0, 1.0], other=[None, None, 3.0, None])
    assert measured.ratio("floor") == 2.0
    assert measured.ratio("other") is None
    assert measured.median("ours") == 4.0
    assert measured.of("other") == [3.0]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.123, "0.12"), (9.876, "9.88"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_figures_have_three_digits(value, text):
    """More would say more than was measured."""
    assert brief(value) == text


def test_high_is_what_one_in_twenty_exceeds():
    """Of few figures it is the largest."""
    assert table(ours=[float(number) for number in range(1, 101)]).high("ours") == 96.0
    assert table(ours=[3.0, 1.0, 2.0]).high("ours") == 3.0
    assert table(ours=[None]).high("ours") is None


def test_tables_of_one_kind_stand_together(tmp_path):
    """A row for each peer of each store, ours strong; what was left out is said; and JSON keeps all of it."""
    first, second = table(incumbent=[2.0, 4.0], floor=[1.0, 1.0]), table(incumbent=[5.0])
    second.store = "consul"
    second.notes.append("tooz is left out: it has ended")
    between = Table("cycles", "etcd", "Acquire and release", "/s", more_is_better=True, values={"incumbent": [7.0]})
    made = Report({"On": "a day", "Python": "3"}, [first, between, second])
    text = made.markdown()
    assert text.startswith("On a day; Python 3.\n\n### Hand-over\n")
    assert (
        "| etcd | **incumbent** | **3.00** | 4.00 |  | 2 |\n| etcd | floor | 1.00 | 1.00 | 3.00 | 2 |\n| consul" in text
    )
    assert "- consul: tooz is left out: it has ended." in text
    assert "In /s: more is better." in text
    (tmp_path / "record").write_text(made.json(), encoding="utf-8")
    assert Report.read(tmp_path / "record") == made
    assert made.page(f"# By hand\n\n{HEADING}\nold\n") == f"# By hand\n\n{HEADING}\n{text}"


def test_page_and_picture_show_the_record():
    """Whoever changes what they are made of runs `nox -s bench -- --write`."""
    recorded = Report.read(RECORD)
    page = PAGE.read_text(encoding="utf-8")
    assert recorded.page(page) == page
    assert svg(recorded.tables) == PICTURE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["handovers"], "'handovers' is neither a row"),
        (["handover", "--rounds", "0", "etcd"], "--rounds 0 must be at least 1"),
        (["--before", "/nowhere"], "--before /nowhere is no checkout"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, what, capsys):
    """Before anything is started."""
    with pytest.raises(SystemExit, match="2"):
        bench.main(arguments)
    assert what in capsys.readouterr().err.splitlines()[-1]


def test_circumstances_are_told():
    """Figures mean nothing without the machine and the versions."""
    said = report.circumstances([])
    assert {"On", "processors", "Linux", "Python", "grpcio"} <= set(said)
