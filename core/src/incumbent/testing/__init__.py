"""For those who write electors, or test programs that hold elections: the conformance suite and its tools.

A test file of two lines runs the suite (`pip install 'incumbent[testing]'`):

    class TestFoo(ElectorConformance):
        harness = FooHarness

`pytest --incumbent-elector URL` and `incumbent conformance URL` run the same tests without a test file.

`Stage`, in pytest the fixture `incumbent_stage`, is for tests of applications.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .clock import FakeClock

if TYPE_CHECKING:
    from .conformance import ElectorConformance
    from .embedded import LocalHarness, MemoryHarness
    from .harness import Harness
    from .journal import Event
    from .outcome import Outcome
    from .outsider import Outsider
    from .proxy import FaultProxy
    from .report import ConformanceReport, Progress
    from .run import run_conformance
    from .server import ServerProcess, free_port
    from .serving import ServerHarness, StoreServer
    from .stage import Stage

__all__ = [
    "ConformanceReport",
    "ElectorConformance",
    "Event",
    "FakeClock",
    "FaultProxy",
    "Harness",
    "LocalHarness",
    "MemoryHarness",
    "Outcome",
    "Outsider",
    "Progress",
    "ServerHarness",
    "ServerProcess",
    "Stage",
    "StoreServer",
    "free_port",
    "run_conformance",
]

_HOMES = {
    "ConformanceReport": "report",
    "ElectorConformance": "conformance",
    "Event": "journal",
    "FaultProxy": "proxy",
    "Harness": "harness",
    "LocalHarness": "embedded",
    "MemoryHarness": "embedded",
    "Outcome": "outcome",
    "Outsider": "outsider",
    "Progress": "report",
    "ServerHarness": "serving",
    "ServerProcess": "server",
    "Stage": "stage",
    "StoreServer": "serving",
    "free_port": "server",
    "run_conformance": "run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "ElectorConformance":
        import pytest  # noqa: PLC0415 - the other names do not need it

        # Before the tests are imported: else pytest shows no values for an assert of theirs that fails.
        pytest.register_assert_rewrite(f"{__name__}.suite", f"{__name__}.candidate")
    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
