"""Mistakes of a term: how long it is kept, from when, by what token, and what ends it."""

from zoo import assert_caught, each


@each("terms")
def test_mistake_is_caught_by_its_tests(broken):
    """Every test that an entry names fails for an elector with this mistake, on a real clock and over a socket."""
    assert_caught(broken)
