"""The example of a store that can compare and set passes the suite, and is as short as it is said to be."""

from __future__ import annotations

from pathlib import Path

import incumbent_shelf
from shelf_harness import ShelfHarness

from incumbent.testing import ElectorConformance


class TestShelf(ElectorConformance):
    """On a server of its own."""

    harness = ShelfHarness


def test_example_is_as_short_as_it_is_said_to_be():
    """A store of this family takes about 100 lines."""
    assert len(Path(incumbent_shelf.__file__).read_text().splitlines()) <= 100
