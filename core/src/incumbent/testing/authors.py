"""Which line of the author's own code a failure has to do with."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from incumbent import Backend

from .bounded import HangError
from .harness import Harness

__all__ = ["Authors"]

#: Where the electors are that come with the core: theirs are the only modules of it that are under test.
SHIPPED = f"{__package__.partition('.')[0]}.electors."


class Authors:
    """
    Knows the author's files: those of the packages that bring the backend and the harness.

    Args:
        classes: The backend class, and that of the harness.
    """

    def __init__(self, *classes: type) -> None:
        bases = {base for cls in classes for base in cls.__mro__ if issubclass(base, (Backend, Harness))}
        self._roots = {root for base in bases for root in _roots(base.__module__)}

    def line_of(self, error: BaseException) -> str:
        """Return the innermost of the author's lines at which *error* was raised, or the call hung; "" if none was."""
        if isinstance(error, HangError):
            frames = [(frame.filename, frame.lineno or 0, frame.name) for frame in error.stack]
        else:
            steps = traceback.walk_tb(error.__traceback__)
            frames = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in steps]
        return self._innermost(frames)

    def definition_of(self, method: Callable[..., object] | None) -> str:
        """Return the line at which *method* begins, if it is the author's; else ""."""
        code = getattr(method, "__code__", None)
        return "" if code is None else self._innermost([(code.co_filename, code.co_firstlineno, code.co_name)])

    def _innermost(self, frames: Iterable[tuple[str, int, str]]) -> str:
        shown = ""
        for filename, line, name in frames:
            path = Path(filename).resolve()
            root = next((root for root in self._roots if path.is_relative_to(root)), None)
            if root is not None:
                text = linecache.getline(filename, line).strip()
                shown = f"{path.relative_to(root.parent)}:{line}, in {name}" + (f": {text}" if text else "")
        return shown


def _roots(module: str) -> Iterator[Path]:
    """Return the folder of the package that *module* belongs to, or its file if it belongs to none."""
    top = module.partition(".")[0]
    if top == __package__.partition(".")[0]:
        if module.startswith(SHIPPED):
            yield Path(sys.modules[module].__file__ or "").resolve()
        return
    found = sys.modules.get(top)
    file = getattr(found, "__file__", None)
    for place in getattr(found, "__path__", (file,) if file else ()):
        yield Path(place).resolve()
