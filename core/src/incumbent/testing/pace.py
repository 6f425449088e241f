"""How a store serves those who want to be served for long: what tests need to know that must not end before time."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from .harness import Harness

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["Pace", "pace_of"]

#: Seconds for which claims are kept that are to end with their test; and how many calls, one after the other, they
#: outlive where a store elects nobody until it has been there for as long.
LASTING, CALLS = 30.0, 60


class Pace(NamedTuple):
    """How a store serves those who want to be served for long."""

    #: Seconds for which a claim may be had.
    ttl: float
    #: How long a call takes.
    seconds: float
    #: Whether a store that is new elects somebody for as long.
    elects_at_once: bool


_known: WeakKeyDictionary[Harness, Pace] = WeakKeyDictionary()


def pace_of(scene: Scene) -> Pace:
    """Return the pace of the scene's store, which is found out once."""
    if scene.harness not in _known:
        _known[scene.harness] = _found(scene)
    return _known[scene.harness]


def _found(scene: Scene) -> Pace:
    _, longest = scene.capabilities.ttl_range
    settings, seconds = scene.settings, 0.0
    with suppress(Exception):  # another test's business
        probe = scene.elsewhere("paced", settings)
        probe.lead_soon()
        began = time.monotonic()
        probe.check_leadership()
        seconds = time.monotonic() - began
        lasting = replace(settings, ttl=max(settings.ttl, min(longest, LASTING)))
        if scene.elsewhere("lasting", lasting).acquire_leadership() is not None:
            return Pace(lasting.ttl, seconds, elects_at_once=True)
    ttl = max(settings.ttl, min(longest, CALLS * seconds))
    return Pace(ttl, seconds, elects_at_once=ttl == settings.ttl)
