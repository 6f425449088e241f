"""The test file for those who have none: `pytest --incumbent-elector URL` and `incumbent conformance URL` run it."""

from __future__ import annotations

from incumbent.testing import ElectorConformance


class TestElector(ElectorConformance):
    """The suite, on the store that the URL names."""
