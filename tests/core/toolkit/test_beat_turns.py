"""Who tries when an election becomes free for which hundreds wait, on a clock that stands still until it is moved."""

from __future__ import annotations

import pytest
from beat_stage import Stage

from incumbent.testing import FakeClock
from incumbent.toolkit.beat_turns import Turns


def tried(waiting, seconds):
    """Return how many of *waiting* have had their turn after *seconds*, if their chances are spread evenly."""
    clock = FakeClock()
    crowd = [Turns(clock.now, lambda number=number: number / waiting) for number in range(waiting)]
    at_once = sum(not turns.wait("job", waiting) for turns in crowd)
    clock.advance(seconds)
    return at_once + sum(turns.come() == ["job"] for turns in crowd)


@pytest.mark.parametrize("waiting", [0, 1, 2, 3])
def test_few_try_at_once(waiting):
    """P7: where a hand-over concerns a few candidates, or nobody knows how many, nobody waits for a turn."""
    assert not Turns(FakeClock().now, lambda: 0.999).wait("job", waiting)


def test_of_hundreds_a_few_try_and_then_twice_as_many():
    """P7: a hand-over among 300 wakes a few; that these are dead costs less than a second."""
    assert [tried(300, seconds) for seconds in (0.0, 0.1, 0.2, 0.3)] == [4, 7, 13, 25]
    assert tried(300, 1.0) == 300


@pytest.fixture
def beats(monkeypatch):
    """Return the beats of a backend that has drawn the last turn, with a candidate, an observer, and what it tells."""
    stage = Stage()
    backend = stage.backend()
    monkeypatch.setattr(backend.beats._turns, "_chance", lambda: 0.999)
    candidate, watching = backend.elector("job", "c"), backend.elector("job", "o")
    backend.beats.told = []
    for elector in (candidate, watching):
        elector.notify = lambda who=elector.candidate: backend.beats.told.append(who)
    leader = stage.elector("a")
    leader.acquire_leadership()
    candidate.acquire_leadership()
    watching.observe_leadership()
    backend.beats.clock = stage.clock
    return backend.beats


def test_turn_is_told_when_it_comes(beats):
    """P7: who waits for a turn is told then, and once; who observes is told at once, and only then."""
    assert beats.tell_in_turn() is None
    beats.tell("job", is_free=True, waiting=300)
    assert beats.told == ["o"]
    left = beats.tell_in_turn()
    assert 0.5 < left < 1.0
    assert beats.told == ["o"]
    beats.clock.advance(left)
    assert beats.tell_in_turn() is None
    assert beats.told == ["o", "c"]


def test_nobody_has_a_turn_in_an_election_that_is_led(beats):
    """P7: that another has won ends the turn: nobody asks for what is taken."""
    beats.tell("job", is_free=True, waiting=300)
    beats.tell("job", is_free=False)
    assert beats.tell_in_turn() is None
    beats.clock.advance(1.0)
    assert beats.tell_in_turn() is None
    assert "c" not in beats.told
