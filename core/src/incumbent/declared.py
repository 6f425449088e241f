"""What a backend class declares of itself: in the right shape, and for a contract that this core serves."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import fields

from .address import shorten
from .elector import CONTRACT_VERSION, OLDEST_CONTRACT, Backend, Capabilities, Support
from .errors import ElectorLoadError

__all__ = ["check_backend"]


def check_backend(answer: object, source: str, prefix: str, distribution: str) -> type[Backend]:
    """
    Return *answer*, if it is a backend class that this core can use.

    Args:
        answer: Anything.
        source: What has returned it, for the message.
        prefix: Whose class it is: other messages begin with it.
        distribution: What to upgrade, if it is too old.

    Raises:
        ElectorLoadError: One line that says what is wrong with it.
    """
    if not (inspect.isclass(answer) and issubclass(answer, Backend)):
        raise ElectorLoadError(f"{source} must return a subclass of incumbent.Backend, not {shorten(answer)}")
    _check_contract(prefix, distribution, answer)
    if inspect.isabstract(answer):
        missing = ", ".join(sorted(answer.__abstractmethods__))
        raise ElectorLoadError(f"{prefix}: {answer.__name__} does not implement {missing}")
    if not isinstance(getattr(answer, "capabilities", None), Capabilities):
        raise ElectorLoadError(f"{prefix}: {answer.__name__} declares no capabilities")
    _check_capabilities(f"{prefix}: {answer.__name__}.capabilities", answer.capabilities)
    options: object = answer.options
    if not isinstance(options, Mapping) or not all(isinstance(text, str) for text in (*options, *options.values())):
        raise ElectorLoadError(
            f"{prefix}: {answer.__name__}.options must say which options it takes, as a mapping of names to help"
        )
    harness: object = answer.harness
    if harness is not None and not (isinstance(harness, str) and all(harness.partition(":"))):
        raise ElectorLoadError(
            f"{prefix}: {answer.__name__}.harness must be None or 'module:Class', not {shorten(harness)}"
        )
    return answer


def _check_capabilities(prefix: str, capabilities: Capabilities) -> None:
    """Check the shapes of what is declared: who lists all electors reads it, and must not fail for one of them."""
    for capability in fields(capabilities):
        declared: object = getattr(capabilities, capability.name)
        if capability.name != "ttl_range" and not isinstance(declared, Support):
            raise ElectorLoadError(f"{prefix}.{capability.name} must be yes() or no('why'), not {shorten(declared)}")
    bounds: object = capabilities.ttl_range
    is_pair = isinstance(bounds, tuple) and len(bounds) == 2
    if not is_pair or not all(isinstance(bound, (int, float)) for bound in capabilities.ttl_range):
        raise ElectorLoadError(f"{prefix}.ttl_range must be the shortest and the longest ttl, not {shorten(bounds)}")


def _check_contract(prefix: str, distribution: str, backend: type[Backend]) -> None:
    """Refuse a plugin for a contract that this core does not serve; say to its author when it will not much longer."""
    version = getattr(backend, "contract_version", None)
    if type(version) is not int or version < 1:
        raise ElectorLoadError(
            f"{prefix}: {backend.__name__}.contract_version must say which contract it was written for, as a number "
            f"from 1 to {CONTRACT_VERSION}, not {shorten(version)}"
        )
    served = f"{OLDEST_CONTRACT} to {CONTRACT_VERSION}" if OLDEST_CONTRACT < CONTRACT_VERSION else str(CONTRACT_VERSION)
    written = f"{prefix} was written for contract {version}, this incumbent serves {served}"
    if version > CONTRACT_VERSION:
        raise ElectorLoadError(f"{written}: pip install -U incumbent")
    if version < OLDEST_CONTRACT:
        raise ElectorLoadError(f"{written}: pip install -U {distribution}")
    if version < CONTRACT_VERSION:  # seen by tests, not by users: they cannot do anything yet
        warnings.warn(f"{written}: a later one will not serve {version}", DeprecationWarning, stacklevel=2)
