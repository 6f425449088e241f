"""What tests of hostile stores share: a secret that must show nowhere, calls in time, the command line in process."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import TypeVar

from hypothesis import HealthCheck, settings
from oneline import assert_one_line

from incumbent import BackendRejectedError, BackendUnavailableError, InvalidStateError
from incumbent.cli import main

T = TypeVar("T")

#: All that may leave an elector.
CONTRACT = (BackendUnavailableError, BackendRejectedError, InvalidStateError)
#: Stands for a token or a password. Shows nowhere.
CANARY = "s3cr3t-canary"
#: Seconds that a request may take where not all are answered; and what a call of several may, on a slow machine.
QUICK, SLOW = 0.5, 15.0
MANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def attempt(verb: Callable[[], T]) -> T | None:
    """Return what *verb* does if that is of the contract, in time and in one line."""
    began = time.monotonic()
    try:
        answer = verb()
    except CONTRACT as error:
        assert_one_line(error)
        answer = None
    assert time.monotonic() - began < SLOW
    return answer


def printed(*arguments: str) -> str:
    """Run the command line in this process, and return what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(arguments))
    assert (code, err.getvalue()) == (0, "")
    return out.getvalue()
