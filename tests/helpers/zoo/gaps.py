"""Electors that read first and write later."""

from __future__ import annotations

from incumbent import ElectionError
from incumbent.toolkit import within

from . import mistaken
from .client import Watch
from .elector import ZooBackend, ZooElector

ATTEMPT, RENEWAL = "test_other_is_elected_during_an_attempt", "test_other_is_elected_during_a_renewal"
RELINQUISHING, CLOSING = "test_other_is_elected_during_relinquishing", "test_other_is_elected_during_closing"
TOKEN, NEWS = "test_token_of_an_overtaken_attempt_grows", "test_hand_over_during_an_attempt_is_told"
CUT = "test_hand_over_during_a_lost_connection_is_told"


class Reads(ZooElector):
    """Reads who leads before it writes."""

    def leader(self):
        return self.ask("show")["leader"]

    def is_mine(self):
        leader = self.leader()
        return leader is not None and leader["owner"] == self.owner


@mistaken(ATTEMPT)
class ReadsBeforeItClaims(Reads):
    """Who finds nobody writes its claim, whoever has one by then."""

    def claim(self):
        leader = self.leader()
        if leader is not None:
            return super().claim()
        return self.ask("put", owner=self.owner, candidate=self.candidate, ttl=self.ttl())


@mistaken(ATTEMPT)
class ClearsBeforeItClaims(Reads):
    """Who finds nobody removes what may have been left, and then claims."""

    def claim(self):
        if self.leader() is None:
            self.ask("end")
        return super().claim()


class RemembersTheDead(Reads):
    """Keeps what it has seen of the leader that it waits for."""

    seen = None

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        self.seen = None if claim else self.leader()
        return claim


@mistaken("test_other_is_elected_during_a_succession")
class BuriesWhoWasThere(RemembersTheDead):
    """Who sees that the leader it waited for is gone writes its claim in the place, whoever has it by then."""

    def claim(self):
        if self.seen is not None and self.leader() is None:
            return self.ask("put", owner=self.owner, candidate=self.candidate, ttl=self.ttl())
        return super().claim()


@mistaken("test_other_is_elected_during_a_succession")
class RemovesWhatHasExpired(RemembersTheDead):
    """Who sees that the leader it waited for is gone removes what may be left of it, and then claims."""

    def claim(self):
        if self.seen is not None and self.leader() is None:
            self.ask("end")
        return super().claim()


@mistaken("test_other_is_elected_while_the_leader_acquires")
class WritesWhatItHolds(Reads):
    """Acquiring while leading writes the claim anew if it was there."""

    def claim(self):
        if self.token is None:
            return super().claim()
        if self.is_mine():
            return self.ask("put", owner=self.owner, candidate=self.candidate, ttl=self.ttl(), token=self.token)
        return {"granted": False}


@mistaken("test_other_is_elected_while_the_leader_acquires")
class BelievesWhatItHolds(Reads):
    """Acquiring while leading reads that the claim is there, and is content, whatever renewing it says."""

    def claim(self):
        if self.token is None:
            return super().claim()
        if not self.is_mine():
            return {"granted": False}
        self.renew()
        return {"granted": True, "token": self.token, "ttl": self.ttl()}


@mistaken(RENEWAL)
class ReadsBeforeItRenews(Reads):
    """Who finds its claim writes it anew, whoever has one by then."""

    def renew(self):
        if not self.is_mine():
            return {"granted": False}
        return self.ask("put", owner=self.owner, candidate=self.candidate, ttl=self.ttl(), token=self.token)


@mistaken(RENEWAL)
class RenewsBeforeItReads(Reads):
    """The renewal is believed, and what is read after it is believed as well if it fails."""

    def renew(self):
        is_mine = self.is_mine()
        answer = super().renew()
        return {"granted": is_mine, "token": self.token, "ttl": answer.get("ttl", self.ttl())}


@mistaken(RELINQUISHING)
class ReadsBeforeItReleases(Reads):
    """Who finds its claim removes whatever claim there is by then."""

    def release(self):
        was_mine = self.is_mine()
        if was_mine:
            self.ask("end")
        return {"released": was_mine}


@mistaken(RELINQUISHING)
class RenewsBeforeItReleases(Reads):
    """Who can renew its claim removes whatever claim there is then."""

    def release(self):
        was_mine = self.renew()["granted"]
        if was_mine:
            self.ask("end")
        return {"released": was_mine}


@mistaken(CLOSING)
class ReadsBeforeItCloses(Reads):
    """Who finds its claim when it closes removes whatever claim there is by then."""

    def release_at_the_end(self):
        client, key = self.backend.client, self.key
        leader = client.ask("show", election=key)["leader"]
        if leader is not None and leader["owner"] == self.owner:
            client.ask("end", election=key)
        super().release_at_the_end()


@mistaken(CLOSING)
class ClosesWhatItHeld(Reads):
    """Who could renew its claim when it closes removes whatever claim there is then."""

    def release_at_the_end(self):
        client, key = self.backend.client, self.key
        if self.token is not None and client.ask("renew", election=key, owner=self.owner, ttl=self.ttl())["granted"]:
            client.ask("end", election=key)
        super().release_at_the_end()


class AsksInTime(Reads):
    """All requests of an attempt have the time of one."""

    def acquire_leadership(self):
        with within(self.backend.settings.request_timeout):
            return super().acquire_leadership()


@mistaken(TOKEN)
class CountsFirst(AsksInTime):
    """The token is counted before the claim, and whoever overtakes has a greater one."""

    def claim(self):
        if self.leader() is not None:
            return super().claim()
        token = self.ask("count")["token"]
        return self.ask("put_first", owner=self.owner, candidate=self.candidate, ttl=self.ttl(), token=token)


@mistaken(TOKEN)
class AddsOneToTheLast(AsksInTime):
    """The token is one more than the last that was read before the claim."""

    def claim(self):
        if self.leader() is not None:
            return super().claim()
        token = self.ask("last")["token"] + 1
        return self.ask("put_first", owner=self.owner, candidate=self.candidate, ttl=self.ttl(), token=token)


class BelievesNothingHasHappened(Watch):
    def __init__(self, client, session, every, changed):
        super().__init__(client, session, every, lambda election: election and changed(election))


@mistaken(CUT)
class DoesNotCatchUp(ZooBackend):
    """What has happened before the watch was set, or set again, is not told."""

    watch_class = BelievesNothingHasHappened


class ListensLater(ZooElector):
    def acquire_leadership(self):
        self.backend.refuse_fork()
        sent = self.clock()
        claim = self.granted(self.claim(), sent)
        self.backend.listen(self)
        return claim


@mistaken(NEWS)
class ListensAfterItAsked(ZooBackend):
    """The watch is set when the store has answered, and what has happened by then is not told."""

    elector_class = ListensLater
    watch_class = BelievesNothingHasHappened


@mistaken(NEWS)
class TellsWhatItHasNotRead(Reads):
    """News are compared with what was read at the end of the last attempt, which may have been the news."""

    seen = None

    def acquire_leadership(self):
        claim = super().acquire_leadership()
        self.seen = self.owner_of(self.leader())
        return claim

    def changed(self):
        try:
            owner = self.owner_of(self.leader())
        except ElectionError:
            owner = ""
        if owner != self.seen:
            self.seen = owner
            super().changed()

    def owner_of(self, leader):
        return None if leader is None else leader["owner"]


class ConnectsOnce(Watch):
    PAUSE = 3600.0


@mistaken(CUT)
class WatchesOneConnection(ZooBackend):
    """A watch whose connection has ended is not set again."""

    watch_class = ConnectsOnce
