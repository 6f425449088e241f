"""The suite as a function: for `incumbent conformance`, and for programs."""

from __future__ import annotations

from collections.abc import Callable

from incumbent import ConfigurationError

from .harness import Harness, harness_for, made_by
from .outcome import Outcome
from .report import ConformanceReport
from .requirements import validate

__all__ = ["run_conformance"]


def run_conformance(
    url: str | None,
    *,
    harness: Callable[[str | None], Harness] | None = None,
    progress: Callable[[Outcome], None] = lambda _: None,
    jobs: int | None = None,
) -> ConformanceReport:
    """
    Run the conformance suite, and return what it found. Nothing is printed. Call it from the main thread.

    Without a *harness*, the tests are run in processes of their own, several at a time; those that act on the whole
    store run alone. With one, they are run in this process, one after the other.

    Args:
        url: The store, or the bare name of an elector, whose harness then brings its own. None only with a *harness*.
        harness: Makes the harness, given *url*; that of the elector's package if left out.
        progress: Called with the outcome of each test when it has ended; a `Progress` hears more.
        jobs: How many tests may run at a time; chosen by the number of processors if left out.

    Returns:
        The report; its `exit_status` is 0 if the elector conforms.

    Raises:
        ConfigurationError: The URL or the harness cannot be used, or pytest is not installed.
        BackendUnavailableError: The store cannot be reached.
        BackendRejectedError: The store refuses the very first request.
        KeyboardInterrupt: The user has had enough.
    """
    try:
        import pytest  # noqa: F401, PLC0415 - an optional dependency
    except ImportError as error:
        raise ConfigurationError("the conformance suite needs pytest: pip install 'incumbent[testing]'") from error

    from .crew import side_by_side  # noqa: PLC0415 - these need pytest
    from .session import one_by_one  # noqa: PLC0415

    if jobs is not None and jobs < 1:
        raise ConfigurationError(f"jobs must be at least 1, not {jobs}")
    if harness is not None:
        made = made_by(harness, url)
    elif url is not None:
        made = harness_for(url)
    else:
        raise ConfigurationError("the conformance suite needs a URL or a harness")
    validate(made)
    if harness is None and url is not None:
        return side_by_side(url, made, progress, jobs)
    return one_by_one(made, progress)
