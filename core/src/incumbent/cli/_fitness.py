"""Whether the candidate of `incumbent run` may lead, and is fit to: by the environment, and by a command."""

from __future__ import annotations

import os
import shlex
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from incumbent.errors import ConfigurationError

from ._output import clean

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "INCUMBENT_ELIGIBLE"
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
