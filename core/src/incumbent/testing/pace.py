"""How a store serves those who want to be served for long: what tests need to know that must not end before time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

from incumbent import BackendSettings

from .candidate import Candidate
from .harness import Harness

__all__ = ["Pace", "pace_of"]

#: Seconds for which claims are kept that are to end with their test; and how many calls, one after the other, they
#: outlive where a store elects nobody until it has been there for as long.
LASTING, CALLS = 30.0, 60


#: Makes the only candidate of an election with such a name, with such settings.
Elsewhere = Callable[[str, BackendSettings], Candidate]


class Pace(NamedTuple):
    """How a store serves those who want to be served for long."""

    #: Seconds for which a claim may be had.
    ttl: float
    #: How long a call takes.
    seconds: float
    #: Whether a store that is new elects somebody for as long.
    elects_at_once: bool


_known: WeakKeyDictionary[Harness, Pace] = WeakKeyDictionary()


def pace_of(harness: Harness, settings: BackendSettings, elsewhere: Elsewhere) -> Pace:
    """Return the pace of the store of *harness*, which is found out once, by candidates that *elsewhere* makes."""
    if harness not in _known:
        _known[harness] = _found(harness.backend_class().capabilities.ttl_range[1], settings, elsewhere)
    return _known[harness]


def _found(longest: float, settings: BackendSettings, elsewhere: Elsewhere) -> Pace:
    seconds = 0.0
    with suppress(Exception):  # another test's business
        probe = elsewhere("paced", settings)
        probe.lead_soon()
        began = time.monotonic()
        probe.check_leadership()
        seconds = time.monotonic() - began
        lasting = replace(settings, ttl=max(settings.ttl, min(longest, LASTING)))
        if elsewhere("lasting", lasting).acquire_leadership() is not None:
            return Pace(lasting.ttl, seconds, elects_at_once=True)
    ttl = max(settings.ttl, min(longest, CALLS * seconds))
    return Pace(ttl, seconds, elects_at_once=ttl == settings.ttl)
