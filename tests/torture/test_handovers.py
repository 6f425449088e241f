"""A named hand-over reaches whom it names. The long form, of 100 tries, is `nox -s steer`."""

import pytest
from handovers import Tally, run
from stores import STORES

from incumbent.steer import Outcome, Result

#: Stores without a server: what the tool itself does is seen in every run.
QUICK = {"memory", "local"}


@pytest.mark.parametrize(
    "elector",
    [pytest.param(store, marks=() if store in QUICK else pytest.mark.thorough) for store in sorted(STORES)],
)
def test_named_candidate_of_four_is_reached(elector, tmp_path):
    """P6: each time; and for how long nobody led is known of each."""
    tally = run(elector, 2 if elector in QUICK else 20, seed=0, folder=tmp_path)
    assert tally.misses == []
    assert len(tally.leaderless) == tally.hits == tally.tries


def test_miss_is_noticed():
    """The assertions above can fail: for whoever else leads, and for a hand-over that nobody has heeded."""
    tally = Tally("memory")
    tally.add("b", Outcome(Result.DONE, "b", 2, 1.0), "b")
    tally.add("b", Outcome(Result.DONE, "b", 3, 1.0), "c")
    tally.add("b", Outcome(Result.ANOTHER, "c", 4, 1.0), "c")
    tally.add("b", Outcome(Result.LATE, "a", 4, problem="a still leads"), None)
    assert (tally.hits, tally.tries, len(tally.misses)) == (1, 4, 3)
    assert tally.misses[-1] == "b was named, None leads (late: a still leads)"
    assert "1 of 4 hand-overs reached" in str(tally)
