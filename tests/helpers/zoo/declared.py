"""Declarations that are not so, or that nobody can see."""

from __future__ import annotations

from dataclasses import replace

from incumbent import ConfigurationError, Finding, no

from . import mistaken
from .elector import ZooBackend, ZooElector

SEEN, CANDIDATES = "test_declarations_can_be_seen", "test_candidates_is_as_declared"


@mistaken(SEEN, cannot={"tool": "there is none"})
class SpeaksOfTools(ZooBackend):
    """Other tools are said to take part, and there is none."""


@mistaken(SEEN)
class ListsWithoutObserving(ZooBackend):
    """Candidates are said to be listed, and observing, which lists them, not to work."""

    capabilities = replace(ZooBackend.capabilities, observe=no("nobody needs it"))


class ListsTheLeaderOnly(ZooElector):
    def record(self, answer):
        return super().record({**answer, "waiting": []})


@mistaken(CANDIDATES)
class UnknownIsTheLeader(ZooBackend):
    """Candidates that are not known are shown as the leader alone."""

    capabilities = replace(ZooBackend.capabilities, candidates=no("the store does not tell"))
    elector_class = ListsTheLeaderOnly


class ListsWhoWaits(ZooElector):
    def record(self, answer):
        return replace(super().record(answer), candidates=tuple(answer["waiting"]))


@mistaken(CANDIDATES)
class UnknownIsWhoWaits(ZooBackend):
    """Candidates that are not known are shown as those who wait."""

    capabilities = replace(ZooBackend.capabilities, candidates=no("the store does not tell"))
    elector_class = ListsWhoWaits


@mistaken("test_info_is_as_declared")
class ConcealsWhatItTells(ZooBackend):
    """What the leader tells of itself is shown, and said to be kept by nobody."""

    capabilities = replace(ZooBackend.capabilities, info=no("the store does not tell"))


@mistaken("test_listing_is_as_declared")
class ConcealsItsElections(ZooBackend):
    """Elections are listed, and said not to be."""

    capabilities = replace(ZooBackend.capabilities, listing=no("nobody needs it"))


@mistaken("test_declarations_are_complete")
class DeclaresByInstance(ZooBackend):
    """What a backend can do is decided when it is made."""

    def __init__(self, address, settings):
        super().__init__(address, settings)
        self.capabilities = replace(self.capabilities, push=no("not today"))


@mistaken("test_diagnosis_of_a_dead_store_is_told")
class DiagnosisFails(ZooBackend):
    """`diagnose` raises what the store is unavailable for."""

    def diagnose(self):
        yield Finding("ok", f"the store knows {len(self.ask('names', election='')['names'])} elections")


@mistaken("test_diagnosis_of_a_dead_store_is_told")
class DiagnosisIsBlind(ZooBackend):
    """`diagnose` finds that all is well without asking the store."""

    def diagnose(self):
        yield Finding("ok", "a store")


@mistaken("test_ttl_in_range_is_granted")
class GrantsLessThanItsRange(ZooBackend):
    """A ttl is refused that the declared range includes."""

    def __init__(self, address, settings):
        if settings.ttl > 60:
            raise ConfigurationError(f"ttl {settings.ttl:g}: a minute is enough")
        super().__init__(address, settings)


@mistaken("test_ttl_in_range_is_granted")
class CannotGrantItsShortest(ZooBackend):
    """The shortest ttl of the declared range is too short for the elector."""

    capabilities = replace(ZooBackend.capabilities, ttl_range=(0.2, 3600.0))

    def __init__(self, address, settings):
        super().__init__(address, settings)
        if settings.ttl < 2 * settings.request_timeout:
            raise ConfigurationError(f"ttl {settings.ttl:g}: two requests must find room in it")
