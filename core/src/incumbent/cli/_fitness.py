"""Whether the candidate of `incumbent run` may lead, is fit to, and should: by the environment, and by a command."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from incumbent.config import MOST_PREFERRED
from incumbent.errors import ConfigurationError

from ._output import clean
from ._parser import number_to

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE, PREFERENCE = "INCUMBENT_ELIGIBLE", "INCUMBENT_PREFERENCE"
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


def is_eligible(*, observer: bool) -> bool:
    """
    Tell whether it may lead: not with `--observer`, nor where the environment says no.

    Raises:
        ConfigurationError: The environment says something else.
    """
    said = os.environ.get(VARIABLE, "").strip().lower()
    if said not in ("", *YES, *NO):
        raise ConfigurationError(f"{VARIABLE}: '{clean(said, 60)}' must be yes or no")
    return not observer and said not in NO


def said_preference(given: int | None) -> int | None:
    """
    Return the preference that was *given*, or what the environment says.

    Raises:
        ConfigurationError: The environment says what is none.
    """
    said = os.environ.get(PREFERENCE, "").strip()
    if given is not None or not said:
        return given
    try:
        return number_to(MOST_PREFERRED, 0)(said)
    except argparse.ArgumentTypeError as error:
        raise ConfigurationError(f"{PREFERENCE}: {error}") from None


def health_check(text: str | None, seconds: float) -> Callable[[], bool] | None:
    """
    Return what runs the command *text*, without a shell, for *seconds* at most; it is healthy if that ends with 0.

    Raises:
        ConfigurationError: It is no command.
    """
    if text is None:
        return None
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise ConfigurationError(f"--health '{clean(text, 60)}': {str(error).lower()}") from None
    if not command:
        raise ConfigurationError("--health is empty: give a command")
    return partial(_is_healthy, command, seconds)


def _is_healthy(command: list[str], seconds: float) -> bool:
    nothing = subprocess.DEVNULL
    done = subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, timeout=seconds, check=False)
    return done.returncode == 0
