"""The state diagram of the documentation shows the table that the engine runs on."""

import importlib.util
import re
from pathlib import Path

import pytest

from incumbent.engine.machine import TRANSITIONS, Phase

DIAGRAM = Path(__file__).parents[2] / "docs/_ext/diagram.py"


@pytest.fixture(scope="module")
def diagram():
    spec = importlib.util.spec_from_file_location("diagram", DIAGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ways():
    return {(a, b) for a, row in TRANSITIONS.items() for transition in row.values() for b in transition.to}


def test_every_phase_is_drawn(diagram):
    """Each phase has one box."""
    drawn = re.findall(r'data-phase="(\w+)"', diagram.svg())
    assert sorted(drawn) == sorted(phase.name for phase in Phase)


def test_every_way_is_drawn(diagram):
    """Each way from one phase to another has one arrow, and there is no other arrow."""
    drawn = re.findall(r'data-way="(\w+) (\w+)"', diagram.svg())
    assert sorted(drawn) == sorted((a.name, b.name) for a, b in ways() if a is not b)


def test_every_event_is_in_the_table(diagram):
    """The table names, for each way, exactly the events that can lead there."""
    listed = {(a, b, event) for _, a, b, events in diagram.rows() for event in events.split(", ")}
    assert listed == {
        (phase.value, "stays" if to is phase else to.value, event.__name__)
        for phase, row in TRANSITIONS.items()
        for event, transition in row.items()
        for to in transition.to
    }


def test_every_way_has_the_number_that_the_table_tells(diagram):
    """Each arrow has one number, in the order of the arrows, whose row in the table has its phases and its events."""
    svg = diagram.svg()
    drawn = re.findall(r'data-way="(\w+) (\w+)"', svg)
    badges = re.findall(r'data-number="(\d+)"><title>([^<]*)</title>', svg)
    shown = [
        (number, Phase[a].value, Phase[b].value, events) for (a, b), (number, events) in zip(drawn, badges, strict=True)
    ]
    assert shown == [row for row in diagram.rows() if row[2] != "stays"]
    assert [int(number) for number, _ in badges] == list(range(1, len(drawn) + 1))


def test_numbers_lie_apart(diagram):
    """No number lies on another, on a phase, or out of the picture."""
    drawn = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', diagram.svg())
    middles = [complex(float(x), float(y)) for x, y in drawn]
    for number, middle in enumerate(middles):
        assert diagram.BADGE < middle.real < diagram.WIDTH - diagram.BADGE
        assert diagram.BADGE < middle.imag < diagram.HEIGHT - diagram.BADGE
        assert all(abs(middle - other) > 2 * diagram.BADGE for other in middles[:number])
        for x, y in diagram.PLACES.values():
            beside = abs(middle.real - x) > diagram.BOX[0] / 2 + diagram.BADGE
            assert beside or abs(middle.imag - y) > diagram.BOX[1] / 2 + diagram.BADGE, number + 1


def test_changed_table_is_drawn_changed(diagram, monkeypatch):
    """The drawing is made from the table, not kept beside it."""
    monkeypatch.setattr(diagram, "TRANSITIONS", {**TRANSITIONS, Phase.LEADER: {}})
    assert 'data-way="LEADER' not in diagram.svg()
