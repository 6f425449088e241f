"""Records that show something else than there is."""

from __future__ import annotations

import calendar
import time
from dataclasses import replace
from urllib.parse import unquote

from incumbent import BackendUnavailableError

from . import mistaken
from .elector import ZooBackend, ZooElector

SINCE, LISTED = "test_since_is_when_the_leader_was_elected", "test_all_candidates_are_listed"
NEIGHBOURS, TYPES = "test_neighbouring_election_is_not_shown", "test_record_is_what_it_says_it_is"
LED = "test_led_elections_are_listed"
GIVEN, PRESENT = "test_info_is_shown_as_it_was_given", "test_info_is_that_of_the_present_term"


@mistaken(SINCE)
class CountsFromTheLastSecond(ZooElector):
    """*since* is when the record was read, in whole seconds."""

    def record(self, answer):
        shown = super().record(answer)
        return replace(shown, since=shown.since and float(int(time.time())))


@mistaken(SINCE)
class TellsTheTimeOfDay(ZooElector):
    """*since* is the time of day here, as if it were that of Greenwich."""

    def record(self, answer):
        shown = super().record(answer)
        return replace(shown, since=shown.since and float(calendar.timegm(time.localtime(shown.since))))


@mistaken(SINCE)
class CountsFromTheFirstTerm(ZooElector):
    """*since* is that of the first leader that was seen."""

    def record(self, answer):
        shown = super().record(answer)
        if shown.since is not None:
            self.first = self.__dict__.get("first", shown.since)
            shown = replace(shown, since=self.first)
        return shown


@mistaken(LISTED)
class ListsTwo(ZooElector):
    """Of those who wait, one is listed."""

    def record(self, answer):
        return super().record({**answer, "waiting": answer["waiting"][:1]})


@mistaken(LISTED)
class ListsWhoeverReads(ZooElector):
    """Who waits does not list itself."""

    def record(self, answer):
        return super().record({**answer, "waiting": [who for who in answer["waiting"] if who != self.candidate]})


@mistaken(TYPES)
class ListsInAList(ZooElector):
    """Candidates are in a list, which is not what a record says."""

    def record(self, answer):
        shown = super().record(answer)
        return replace(shown, candidates=list(shown.candidates))


@mistaken(TYPES)
class ShowsTextForSeconds(ZooElector):
    """*since* is text, for people."""

    def record(self, answer):
        shown = super().record(answer)
        return replace(shown, since=shown.since and time.ctime(shown.since))


@mistaken(GIVEN)
class CutsWhatIsTold(ZooElector):
    """What the leader tells of itself is cut, as if it were an address."""

    def tell(self):
        told = super().tell()
        return told and told[:80]


@mistaken(GIVEN)
class TellsInAnotherCode(ZooElector):
    """What the leader tells of itself is kept in an encoding that has not all characters."""

    def tell(self):
        told = super().tell()
        return told and told.encode("latin-1", "replace").decode("latin-1")


@mistaken(PRESENT)
class TellsWhatItFirstWas(ZooElector):
    """What a candidate tells of itself is read once, by its first attempt."""

    def tell(self):
        return self.__dict__.setdefault("first", super().tell())


@mistaken(PRESENT)
class ShowsWhatTheLastOneTold(ZooElector):
    """A leader that tells nothing of itself is shown with what the one before it told."""

    def record(self, answer):
        shown = super().record(answer)
        self.last = shown.info or self.__dict__.get("last")
        return replace(shown, info=self.last if shown.candidate else None)


class ReadsPrefixes(ZooElector):
    """Reads all elections whose names begin like its own."""

    def alike(self):
        names = sorted(self.backend.ask("names", election=self.key)["names"], key=lambda name: name != self.key)
        return [self.backend.ask("show", election=name) for name in names]


@mistaken(NEIGHBOURS)
class ShowsWhoeverLeadsNearby(ReadsPrefixes):
    """The leader is the first one of all elections whose names begin alike."""

    def record(self, answer):
        leaders = [shown["leader"] for shown in self.alike()]
        return super().record({**answer, "leader": next(filter(None, [answer["leader"], *leaders]), None)})


@mistaken(NEIGHBOURS)
class ListsWhoeverWaitsNearby(ReadsPrefixes):
    """Candidates are those of all elections whose names begin alike."""

    def record(self, answer):
        waiting = [who for shown in self.alike() for who in shown["waiting"]]
        return super().record({**answer, "waiting": waiting})


@mistaken("test_candidate_that_was_killed_is_not_listed")
class ListsTheDead(ZooElector):
    """The place of a candidate outlives its process."""

    def ask(self, do, **fields):
        if "session" in fields:
            fields["session"] = None
        return super().ask(do, **fields)


@mistaken(LED)
class ListsWhatItDecodes(ZooBackend):
    """The names of elections are decoded, as if they were parts of a URL."""

    def names(self, limit):
        return [unquote(name) for name in super().names(limit)]


@mistaken(LED)
class ListsEachCandidate(ZooBackend):
    """An election for which somebody waits is listed twice."""

    def names(self, limit):
        names = super().names(limit)
        waited = [name for name in names if self.ask("show", election=name)["waiting"]]
        return [*names, *waited][:limit]


@mistaken("test_listing_has_a_limit")
class ListsAllThereAre(ZooBackend):
    """All elections are listed, however many were asked for."""

    def names(self, limit):
        return self.ask("names", election="")["names"]


@mistaken("test_listing_in_a_freeze_is_unknown")
class ListsFromMemory(ZooBackend):
    """Without an answer, the list is the last one."""

    def names(self, limit):
        try:
            self.last = super().names(limit)
        except BackendUnavailableError:
            if "last" not in self.__dict__:
                raise
        return self.last
