"""What a test of the suite needs of the backend and of the harness, and why it cannot be run where that is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from string import ascii_lowercase, digits
from typing import Any, TypeVar

from incumbent import Address, Capabilities, ConfigurationError, Support, no, yes
from incumbent.address import shorten
from incumbent.declared import check_backend

from .harness import IMPLEMENTED, OPERATIONS, SINCE, Harness, made_by

__all__ = ["requires", "validate", "why_not"]

Test = TypeVar("Test", bound=Callable[..., None])

_NEEDS = "_incumbent_requires"


def requires(*names: str) -> Callable[[Test], Test]:
    """Say which capabilities must be declared, and which operations of the harness possible, for the test to run."""
    known = {field.name for field in fields(Capabilities)} | set(OPERATIONS)
    assert known.issuperset(names), names

    def mark(test: Test) -> Test:
        setattr(test, _NEEDS, names)
        return test

    return mark


def why_not(test: Callable[..., None], harness: Harness) -> str | None:
    """Return why *test* cannot be run, or None if it can."""
    names: tuple[str, ...] = getattr(test, _NEEDS, ())
    capabilities = harness.backend_class().capabilities
    for name in names:
        support = _operation(name, harness, capabilities) if name in OPERATIONS else _capability(name, capabilities)
        if not support:
            return support.detail
    return None


def _operation(name: str, harness: Harness, capabilities: Capabilities) -> Support:
    reason = harness.cannot.get(name) or _unknown_to(harness, name)
    if reason is None or (name == "expire" and capabilities.expiry):  # then silence does it, only slower
        return yes()
    return no(f"the harness cannot {name}: {reason}")


def _capability(name: str, capabilities: Capabilities) -> Support:
    declared: Any = getattr(capabilities, name)
    if name == "ttl_range":
        return no("every ttl is granted") if declared == (0.0, math.inf) else yes()
    return yes() if declared else no(f"{name} is declared no: {declared.detail}")


def validate(harness: object) -> Harness:
    """
    Return *harness*, if it says what is tested and for how long, and either does or disclaims each operation.

    Raises:
        ElectionError: One line that says what is missing or wrong.
    """
    name = type(harness).__name__
    if not isinstance(harness, Harness):
        raise ConfigurationError(f"a harness must be an incumbent.testing.Harness, not {shorten(harness)}")
    scheme: object = getattr(harness, "scheme", None)
    if not isinstance(scheme, str) or Address.parse(scheme).scheme != scheme:
        raise ConfigurationError(f"{name}.scheme must be the entry-point name of the elector, not {shorten(scheme)}")
    _validate_times(harness)
    _validate_characters(harness)
    check_backend(
        made_by(harness.backend_class), f"{name}.backend_class()", f"elector {scheme!r}", f"the package of {scheme}"
    )
    _validate_operations(harness, name, harness.cannot)
    return harness


def _validate_times(harness: Harness) -> None:
    name = type(harness).__name__
    for attribute in ("ttl", "request_timeout", "slack"):
        seconds: object = getattr(harness, attribute)
        if not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
            raise ConfigurationError(f"{name}.{attribute} must be seconds, more than 0, not {shorten(seconds)}")
    if harness.request_timeout > harness.ttl:
        raise ConfigurationError(
            f"{name}.request_timeout, {harness.request_timeout:g} s, must not be above its ttl, {harness.ttl:g} s"
        )


def _validate_characters(harness: Harness) -> None:
    taken: object = harness.characters
    if taken is not None and not (isinstance(taken, str) and set(taken) > set(ascii_lowercase + digits)):
        raise ConfigurationError(
            f"{type(harness).__name__}.characters must be text with small letters, digits and one more, "
            f"not {shorten(taken)}"
        )


def _validate_operations(harness: Harness, name: str, cannot: object) -> None:
    if not isinstance(cannot, Mapping):
        raise ConfigurationError(f"{name}.cannot must map operations to reasons, not be {shorten(cannot)}")
    unknown = sorted(set(cannot) - set(OPERATIONS), key=str)
    if unknown:
        raise ConfigurationError(f"{name}.cannot names {unknown[0]!r}; known are {', '.join(OPERATIONS)}")
    for operation, methods in OPERATIONS.items():
        if operation in cannot:
            reason: object = cannot[operation]
            if not isinstance(reason, str) or not reason.strip():
                raise ConfigurationError(f"{name}.cannot[{operation!r}] is {shorten(reason)}: it must say why")
        elif _unknown_to(harness, operation):
            continue
        elif missing := [method for method in methods if not _implements(harness, method)]:
            raise ConfigurationError(
                f"{name} must implement {missing[0]}(), or say in {name}.cannot[{operation!r}] why not"
            )


def _unknown_to(harness: Harness, operation: str) -> str | None:
    """Return why *harness* need not say anything of *operation*: it was written before there was such a thing."""
    since = SINCE.get(operation, 1)
    if since == 1 or all(_implements(harness, method) for method in OPERATIONS[operation]):
        return None
    written = harness.backend_class().contract_version
    return None if written >= since else f"it was written for contract {written}, and this came with {since}"


def _implements(harness: Harness, method: str) -> bool:
    return method in IMPLEMENTED or getattr(type(harness), method) is not getattr(Harness, method)
