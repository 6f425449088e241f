"""Electors on a store over a socket, as strangers write them: a correct one, and others with one mistake each.

A mistake is a small subclass of `ZooElector`, of `ZooBackend`, or of a backend with another `client_class` or
`watch_class`, entered with `@mistaken`; its docstring is one sentence that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from broken_electors import SLACK, Broken, each_of, failed

from .harness import ZooHarness

#: The modules of mistakes, in parts that are run side by side: most of them wait.
PARTS = {
    "terms": ("guarantees", "lateness", "memories", "outages", "terms"),
    "bounds": ("bounds",),
    "kinds": ("declared", "forks", "gaps", "names", "records", "secrets_told", "sharing", "telling", "testaments"),
    "plain": ("plain",),
}
#: All that have a mistake.
ZOO: list[Broken] = []


def mistaken(*caught_by: str, **attributes: object) -> Callable[[type], type]:
    """Enter an elector or a backend into the list, with the tests that see its mistake, and what its harness needs."""

    def enter(which: type) -> type:
        short = {"which": which, "ttl": 1.0, "request_timeout": 0.3, "slack": SLACK}
        made = type("MistakenHarness", (ZooHarness,), {**short, **attributes})
        fault = which.__doc__ or ""
        ZOO.append(Broken(which.__name__, fault, made, frozenset(caught_by)))
        return which

    return enter


def each(*parts: str) -> pytest.MarkDecorator:
    """Run a test on each mistake of these *parts*, or of all."""
    modules = {f"{__name__}.{module}" for part in parts or PARTS for module in PARTS[part]}
    return each_of((broken for broken in ZOO if broken.harness.which.__module__ in modules), among=ZOO)


def assert_caught(broken: Broken) -> None:
    """Check that every test that an entry names fails for an elector with this mistake."""
    found = failed(broken, of=broken.caught_by, slack=broken.harness.slack)
    assert {outcome.test for outcome in found} == broken.caught_by, broken.fault


from . import (  # noqa: E402 - they fill the list
    bounds,  # noqa: F401
    declared,  # noqa: F401
    forks,  # noqa: F401
    gaps,  # noqa: F401
    guarantees,  # noqa: F401
    lateness,  # noqa: F401
    memories,  # noqa: F401
    names,  # noqa: F401
    outages,  # noqa: F401
    plain,  # noqa: F401
    records,  # noqa: F401
    secrets_told,  # noqa: F401
    sharing,  # noqa: F401
    telling,  # noqa: F401
    terms,  # noqa: F401
    testaments,  # noqa: F401
)
