"""What a client library raises, in the errors of the contract: one declaration, and no secret in what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from incumbent.errors import BackendRejectedError, BackendUnavailableError, ElectionError

from .options import one_line

__all__ = ["Translation", "caused_by"]

E = TypeVar("E", bound=ElectionError)

#: A part of the error's text, or a class that it is of.
Sign = str | type[BaseException]


class Translation:
    """
    What the errors of a client library mean: the first row whose sign fits. Thread-safe.

    Args:
        scheme: What all messages begin with, before the server's name.
        rejected: Asking again cannot help: what is to be done, by sign; empty where the error says it itself.
        unavailable: It may pass: what has happened, by sign. What fits nothing is unknown, and may pass too.
    """

    def __init__(self, scheme: str, *, rejected: Mapping[Sign, str], unavailable: Mapping[Sign, str]) -> None:
        self._scheme = scheme
        self._rows = [
            *((sign, BackendRejectedError, meaning) for sign, meaning in rejected.items()),
            *((sign, BackendUnavailableError, meaning) for sign, meaning in unavailable.items()),
        ]

    def error(self, error: Exception, where: object, *secrets: str | None) -> ElectionError:
        """
        Return the contract's error for *error*, with it as the cause if that shows none of *secrets*.

        Args:
            error: What the library has raised.
            where: The server, for the message.
            *secrets: What must not be shown, if there is any.
        """
        name = type(error).__name__
        said, text = str(error), one_line(str(error), *secrets)
        for sign, kind, meaning in self._rows:
            if sign in said if isinstance(sign, str) else isinstance(error, sign):
                return caused_by(kind(f"{self._scheme} {where}: {meaning or text or name}"), error, *secrets)
        unknown = BackendUnavailableError(f"{self._scheme} {where}: {name}{text and f': {text}'}")
        return caused_by(unknown, error, *secrets)

    @contextmanager
    def translating(self, where: object, *secrets: str | None) -> Iterator[None]:
        """
        Have what the block raises come out as the contract's error; what is one already is left as it is.

        See `error` for the arguments.

        Raises:
            ElectionError: And nothing else.
        """
        try:
            yield
        except ElectionError:
            raise
        except Exception as error:
            made = self.error(error, where, *secrets)
            raise made from made.__cause__


def caused_by(made: E, error: BaseException, *secrets: str | None) -> E:
    """Return *made* with *error* as its cause, unless that, or what it was caused by, shows one of *secrets*."""
    cause: BaseException | None = error
    while cause is not None:
        shown = f"{cause!r} {cause}"
        if any(secret in shown for secret in secrets if secret):
            made.__suppress_context__ = True
            return made
        cause = cause.__cause__ or cause.__context__
    made.__cause__ = error
    return made
