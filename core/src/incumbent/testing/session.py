"""One session of pytest that has nothing but the suite in it: no configuration, plugin or output of the user's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .collecting import Conformance, aim
from .harness import Harness
from .outcome import Outcome
from .report import ConformanceReport
from .runs import Run

__all__ = ["one_by_one", "session"]

#: No configuration, plugin or output but ours; what pytest makes of stray threads and objects has no reader here.
ARGUMENTS = (
    *("-c", os.devnull, "--noconftest", "--rootdir", str(Path(__file__).parent)),
    *("-p", "incumbent.pytest_plugin"),
    *(
        word
        for name in ("terminal", "cacheprovider", "unraisableexception", "threadexception")
        for word in ("-p", f"no:{name}")
    ),
)
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": None, "PYTEST_PLUGINS": None}


def one_by_one(made: Harness, progress: Callable[[Outcome], None]) -> ConformanceReport:
    """Run the suite on *made*, in this process."""
    return session(made, Conformance(progress)).report()


def session(made: Harness, conformance: Conformance, *plugins: object) -> Run:
    """
    Run the suite on *made*, as *plugins* wish.

    Raises:
        ElectionError: The harness cannot open, the store cannot be reached, or what was opened cannot be closed.
        KeyboardInterrupt: The user has had enough.
    """

    class Door:
        @staticmethod
        def pytest_configure(config: pytest.Config) -> None:
            aim(config, conformance, lambda: made)

    with _environment():
        code = pytest.main(list(ARGUMENTS), plugins=[Door(), *plugins])
    (run,) = conformance.runs
    if run.failure is not None:
        raise run.failure
    if code is pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return run


@contextmanager
def _environment() -> Iterator[None]:
    """Keep what the user has set for other runs of pytest from this one."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    _set(ENVIRONMENT)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
