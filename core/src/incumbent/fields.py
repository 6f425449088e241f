"""What the value of a setting may be: durations, numbers, texts, names; each refusal is one line that says the rule."""

from __future__ import annotations

from datetime import timedelta
from math import inf, isfinite
from typing import overload
from unicodedata import is_normalized

from .address import shorten
from .errors import ConfigurationError

__all__ = [
    "LONGEST",
    "LONGEST_NAME",
    "Duration",
    "Seconds",
    "check_info",
    "check_lock_id",
    "check_number",
    "check_text",
    "seconds",
]

Duration = float | timedelta

#: A century: anything longer is a mistake in the unit.
LONGEST = 100 * 366 * 86400.0
LONGEST_NAME = 255


class Seconds:
    """A field that takes a number of seconds or a timedelta, and is seconds when read."""

    def __init__(self, default: float | None = None, *, zero: bool = False, endless: bool = False) -> None:
        self._default = default
        self._zero = zero
        self._endless = endless

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> float | None: ...

    @overload
    def __get__(self, instance: object, owner: type) -> float: ...

    def __get__(self, instance: object | None, owner: type) -> float | None:
        # Read on the class, this is the default: so a dataclass asks for it.
        return self._default if instance is None else instance.__dict__[self._name]

    def __set__(self, instance: object, value: Duration | None) -> None:
        endless = self._endless and isinstance(value, float) and value == inf
        kept = endless or (value is None and self._default is None)
        instance.__dict__[self._name] = value if kept else seconds(self._name, value, zero=self._zero)

    def complete(self, instance: object, default: float) -> None:
        """Set *default* if nothing was given."""
        if instance.__dict__[self._name] is None:
            instance.__dict__[self._name] = default


def seconds(name: str, value: object, *, zero: bool = False) -> float:
    """Return *value*, a number of seconds or a timedelta, as seconds."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name} must be seconds (a number) or a timedelta, not {shorten(value)}")
    if isinstance(value, float) and not isfinite(value):
        raise ConfigurationError(f"{name} {value!r} must be a finite number of seconds")
    if value < 0 or (value == 0 and not zero):
        raise ConfigurationError(f"{name} {shorten(value)} must be {'at least' if zero else 'more than'} 0 seconds")
    if value > LONGEST:
        raise ConfigurationError(f"{name} {shorten(value)} is more than a century of seconds: check the unit")
    return float(value)


def check_number(name: str, value: object, least: int, most: int) -> None:
    """Refuse what is no whole number from *least* to *most*."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigurationError(f"{name} {shorten(value)} must be a whole number from {least} to {most}")


def check_info(info: object) -> None:
    """Refuse what is neither a short text nor None."""
    if info is not None:
        check_text("info", info)


def check_text(name: str, text: object) -> None:
    """Refuse what is no short, readable text."""
    if not isinstance(text, str):
        raise ConfigurationError(f"{name} must be text, not {shorten(text)}")
    if not text:
        raise ConfigurationError(f"{name} is empty: give it 1 to {LONGEST_NAME} characters")
    if len(text) > LONGEST_NAME:
        raise ConfigurationError(f"{name} {shorten(text)} is longer than {LONGEST_NAME} characters")
    if not text.isprintable():
        raise ConfigurationError(f"{name} {shorten(text)} has a control or unprintable character")
    # Two that look the same would be two.
    if text != text.strip():
        raise ConfigurationError(f"{name} {shorten(text)} begins or ends with a blank: take it away")
    if not is_normalized("NFC", text):
        raise ConfigurationError(
            f"{name} {shorten(text)} is not in Unicode's form NFC: pass it through unicodedata.normalize('NFC', …)"
        )


def check_lock_id(lock_id: object) -> None:
    """Refuse what is no name of an election."""
    if isinstance(lock_id, int) and not isinstance(lock_id, bool):
        if not 0 <= lock_id < 2**64:
            raise ConfigurationError(f"lock_id {shorten(lock_id)} must be from 0 to 2**64 - 1")
        return
    if not isinstance(lock_id, str):
        raise ConfigurationError(f"lock_id must be text or an unsigned int, not {shorten(lock_id)}")
    check_text("lock_id", lock_id)
    if any(segment in ("", ".", "..") for segment in lock_id.split("/")):
        raise ConfigurationError(f"lock_id {shorten(lock_id)} must not have an empty, '.' or '..' segment between '/'")
