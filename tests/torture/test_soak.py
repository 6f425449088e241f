"""Many terms in one process leave nothing behind. The long form, of 10,000 terms, is `nox -s soak`."""

import pytest
from soak import STORES, Measure, grown, soak

#: Stores without a server: what the tool itself does is seen in every run.
QUICK = {"memory", "local"}


@pytest.mark.parametrize(
    "elector",
    [pytest.param(store, marks=() if store in QUICK else pytest.mark.thorough) for store in sorted(STORES)],
)
def test_nothing_grows_with_the_terms(elector, tmp_path):
    """P8: after 800 terms, threads, descriptors, memory, leases and sessions are what they were after 300."""
    warm, end, _ = soak(elector, 800, tmp_path)
    assert grown(warm, end) == [], f"{warm} -> {end}"


def test_growth_is_noticed():
    """The comparison above can fail."""
    small = Measure(threads=1, descriptors=2, mebibytes=3.0, claims=4)
    assert grown(small, Measure(9, 9, 30.0, 5)) == ["threads", "descriptors", "mebibytes", "claims"]
    assert grown(small, small) == []
