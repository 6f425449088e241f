"""Mistakes of time: calls that take longer than one request may."""

from zoo import assert_caught, each


@each("bounds")
def test_mistake_is_caught_by_its_tests(broken):
    """Every test that an entry names fails for an elector with this mistake, on a real clock and over a socket."""
    assert_caught(broken)
