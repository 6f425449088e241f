"""Mistakes of names, records, forks, news, secrets, declarations, and of what candidates share."""

from zoo import assert_caught, each


@each("kinds")
def test_mistake_is_caught_by_its_tests(broken):
    """Every test that an entry names fails for an elector with this mistake, on a real clock and over a socket."""
    assert_caught(broken)
