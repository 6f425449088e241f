"""How many tests of the suite are run on `memory`, and how many are not: what reports are compared with."""

from __future__ import annotations

from incumbent.testing import MemoryHarness
from incumbent.testing.conformance import suite_tests
from incumbent.testing.requirements import why_not

__all__ = ["NOT_RUN", "RUN"]

_REASONS = [why_not(test, MemoryHarness()) for test in suite_tests().values()]
RUN = _REASONS.count(None)
NOT_RUN = len(_REASONS) - RUN
