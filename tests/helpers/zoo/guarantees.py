"""Guarantees that are not kept, and claims that are counted from the wrong moment."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from . import mistaken
from .elector import ZooBackend, ZooElector


class Kept(ZooElector):
    """The guarantee is the ttl of the settings, whatever was granted."""

    def guarantee(self, answer):
        return self.backend.settings.ttl


@mistaken(
    "test_claim_is_kept_as_long_as_it_says",
    "test_renewed_claim_is_kept_as_long_as_it_says",
    "test_claim_acquired_again_is_kept_as_long_as_it_says",
    "test_recognised_claim_is_kept_as_long_as_it_says",
    "test_claim_is_kept_over_a_restart",
    "test_claim_of_another_ttl_is_kept_as_long_as_it_says",
    "test_each_renewal_is_kept_as_long_as_it_says",
    "test_claim_on_an_old_session_is_kept_as_long_as_it_says",
    "test_clocks_of_two_hosts_have_nothing_in_common",
    "test_claim_of_a_killed_leader_is_kept_as_long_as_it_says",
    "test_wall_clocks_play_no_part",
    "test_claim_outlives_its_connection",
)
class GuaranteesMore(ZooElector):
    """The guarantee is more than what the store was asked for."""

    def guarantee(self, answer):
        return answer["ttl"] + 0.5


@mistaken("test_claim_of_another_ttl_is_kept_as_long_as_it_says")
class CutsFractions(Kept):
    """The store is asked for whole seconds, and the claim says what the settings say."""

    def ttl(self):
        return int(self.backend.settings.ttl)


@mistaken("test_claim_of_another_ttl_is_kept_as_long_as_it_says")
class GrantsLess(Kept):
    """The store keeps no claim for longer than two seconds, and the claim says what was asked for."""

    def ttl(self):
        return min(self.backend.settings.ttl, 2.0)


@mistaken("test_claim_of_another_ttl_is_kept_as_long_as_it_says")
class HasTheFirstTtl(Kept):
    """All backends of the process have the ttl of the first."""

    first = None

    def ttl(self):
        HasTheFirstTtl.first = HasTheFirstTtl.first or self.backend.settings.ttl
        return HasTheFirstTtl.first


class HasTheLastTtl(Kept):
    def ttl(self):
        return LastTtlBackend.last


@mistaken("test_claim_of_another_ttl_is_kept_as_long_as_it_says")
class LastTtlBackend(ZooBackend):
    """All backends of the process have the ttl of the one that was opened last."""

    elector_class = HasTheLastTtl
    last = 0.0

    def __init__(self, address, settings):
        super().__init__(address, settings)
        LastTtlBackend.last = settings.ttl


@mistaken("test_each_renewal_is_kept_as_long_as_it_says")
class RenewsNowAndThen(ZooElector):
    """A renewal soon after another only looks whether the claim is there, and says that it was renewed."""

    renewed = 0.0

    def claim(self):
        self.renewed = time.monotonic()
        return super().claim()

    def renew(self):
        if time.monotonic() - self.renewed > self.ttl() / 3:
            self.renewed = time.monotonic()
            return super().renew()
        leader = self.ask("show")["leader"]
        is_mine = leader is not None and leader["owner"] == self.owner
        return {"granted": is_mine, "token": self.token, "ttl": self.ttl()}


class OnALease(Kept):
    def ttl(self):
        if self.token is not None:
            return super().ttl()
        with self.backend.lock:
            if self.backend.lease <= time.monotonic():
                self.backend.lease = time.monotonic() + super().ttl()
            return max(0.05, self.backend.lease - time.monotonic())


@mistaken(
    "test_claim_on_an_old_session_is_kept_as_long_as_it_says",
)
class LeaseBackend(ZooBackend):
    """A claim hangs on a lease that all candidates of a backend share, and has what is left of it."""

    elector_class = OnALease
    lease = 0.0


@mistaken("test_claim_on_an_old_session_is_kept_as_long_as_it_says")
class TrustsOldRenewals(ZooElector):
    """A term may begin on the last renewal that there was, and it does so however long ago that is."""

    def granted(self, answer, sent):
        settings = self.backend.settings
        return super().granted(answer, sent - settings.ttl / 2 if settings.renew_deadline else sent)


@mistaken(
    "test_claim_of_a_killed_leader_is_kept_as_long_as_it_says",
    "test_wall_clocks_play_no_part",
    "test_claim_outlives_its_connection",
)
class HeartbeatHidesIt(Kept):
    """The store keeps the claim for half as long as it says, and a thread renews it behind the elector's back."""

    thread = None
    until = 0.0

    def ttl(self):
        return super().ttl() / 2

    def granted(self, answer, sent):
        claim = super().granted(answer, sent)
        self.until = time.monotonic() + self.ttl()
        if claim is not None and self.thread is None:
            self.thread = threading.Thread(target=self.beat, daemon=True)
            self.thread.start()
        return claim

    def beat(self):
        while not self.is_closed and self.token is not None and not self.backend.is_closed:
            time.sleep(self.ttl() / 10)
            if time.monotonic() < self.until:
                try:
                    self.renew()
                except Exception:
                    continue
        self.thread = None


@mistaken(
    "test_claim_of_a_killed_leader_is_kept_as_long_as_it_says",
    "test_wall_clocks_play_no_part",
    "test_claim_outlives_its_connection",
)
class EndsWithItsConnection(ZooElector):
    """The store ends the claim when a connection breaks."""

    def claim(self):
        fields = {"owner": self.owner, "candidate": self.candidate, "session": self.backend.session}
        return self.ask("claim", ttl=self.ttl(), bound=True, **fields)


class ByNote(ZooElector):
    """Says in a note beside the claim when it ends, and ends those of others that are over."""

    def now(self):
        raise NotImplementedError

    def ends(self):
        return self.now() + self.ttl()

    def claim(self):
        leader = self.ask("show")["leader"]
        if leader is not None and leader["note"] is not None and leader["note"] <= self.now():
            self.ask("release", owner=leader["owner"])
        fields = {"owner": self.owner, "candidate": self.candidate, "session": self.backend.session}
        return {**self.ask("claim", ttl=3600.0, note=self.ends(), **fields), "ttl": self.ttl()}

    def renew(self):
        answer = self.ask("renew", owner=self.owner, ttl=3600.0, note=self.ends())
        return {**answer, "ttl": self.ttl()}


@mistaken("test_wall_clocks_play_no_part")
class EndsOnTheWall(ByNote):
    """When a claim ends is written down, and read, on the clock on the wall."""

    def now(self):
        return time.time()


@mistaken("test_clocks_of_two_hosts_have_nothing_in_common")
class EndsOnItsOwnClock(ByNote):
    """When a claim ends is written down on the clock of one process, and read on that of another."""

    def now(self):
        return self.clock()


# ------------------------------------------------------------ from when it is counted


@mistaken(
    "test_claim_is_counted_on_the_clock_that_was_given",
    "test_clocks_of_two_hosts_have_nothing_in_common",
)
class CountsOnMonotonic(ZooElector):
    """*sent* is read on Python's monotonic clock, which on most days says the same as the one that was given."""

    def clock(self):
        return time.monotonic()


@mistaken(
    "test_claim_says_from_when_and_how_long",
    "test_renewal_says_from_when_and_how_long",
    "test_claim_is_counted_on_the_clock_that_was_given",
)
class CountsOnTheWall(ZooElector):
    """*sent* is read on the clock on the wall."""

    def clock(self):
        return time.time()


@mistaken("test_claim_is_counted_from_before_the_request", "test_renewal_is_counted_from_before_the_request")
class CountsFromTheAnswer(ZooElector):
    """*sent* is read when the answer is there."""

    def granted(self, answer, sent):
        return super().granted(answer, self.clock())


@mistaken("test_renewal_says_from_when_and_how_long")
class CountsFromTheFirstRequest(ZooElector):
    """*sent* of a renewed claim stays what it was."""

    first = None

    def granted(self, answer, sent):
        claim = super().granted(answer, sent)
        if claim is not None:
            self.first = self.first if self.first and self.first.token == claim.token else claim
        return claim and replace(claim, sent=self.first.sent)
