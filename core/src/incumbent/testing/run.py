"""The suite as a function: for `incumbent conformance`, and for programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from incumbent import ConfigurationError, ElectionError

from .harness import Harness, harness_for
from .report import ConformanceReport, Outcome
from .requirements import validate

if TYPE_CHECKING:
    import pytest

__all__ = ["run_conformance"]

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


def run_conformance(
    url: str | None,
    *,
    harness: Callable[[str | None], Harness] | None = None,
    progress: Callable[[Outcome], None] = lambda _: None,
) -> ConformanceReport:
    """
    Run the conformance suite, and return what it found. Nothing is printed. Call it from the main thread.

    Args:
        url: The store. None only with a *harness* that brings its own.
        harness: Makes the harness, given *url*; that of the elector's package if left out.
        progress: Called with the outcome of each test when it has ended.

    Returns:
        The report; its `exit_status` is 0 if the elector conforms.

    Raises:
        ConfigurationError: The URL or the harness cannot be used, or pytest is not installed.
        BackendUnavailableError: The store cannot be reached.
        BackendRejectedError: The store refuses the very first request.
        KeyboardInterrupt: The user has had enough.
    """
    try:
        import pytest  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise ConfigurationError("the conformance suite needs pytest: pip install 'incumbent[testing]'") from error

    from .collecting import Conformance, aim  # noqa: PLC0415 - needs pytest

    made = _made(url, harness)
    conformance = Conformance(progress)

    class Door:
        @staticmethod
        def pytest_configure(config: pytest.Config) -> None:
            aim(config, conformance, lambda: made)

    with _environment():
        code = pytest.main(list(ARGUMENTS), plugins=[Door()])
    (run,) = conformance.runs
    if isinstance(run.failure, ElectionError):
        raise run.failure
    if run.failure is not None:
        raise ConfigurationError(f"the harness {type(made).__name__} cannot open: {run.failure}") from run.failure
    if code is pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return run.report()


def _made(url: str | None, harness: Callable[[str | None], Harness] | None) -> Harness:
    if harness is not None:
        made = harness(url)
    elif url is not None:
        made = harness_for(url)
    else:
        raise ConfigurationError("the conformance suite needs a URL or a harness")
    validate(made)
    made.backend_class()
    return made


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
