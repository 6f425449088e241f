"""What is simply wrong: mistakes that many tests see, for each test that none of the others is for."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from incumbent import Finding, InvalidStateError, LeaderRecord

from . import mistaken
from .client import Client, Connection, RefusedError, StoreError
from .elector import ZooBackend, ZooElector
from .outages import Queue

# ------------------------------------------------------------ exclusion


@mistaken("test_one_of_two_candidates_leads")
class GrantsItself(ZooElector):
    """Who is refused believes that it was elected."""

    def claim(self):
        return {"token": 10**9, "ttl": self.ttl(), **super().claim(), "granted": True}


@mistaken("test_attempt_of_another_leaves_the_leader")
class Usurps(ZooElector):
    """Asking ends the leader's claim."""

    def claim(self):
        answer = super().claim()
        if not answer["granted"]:
            self.ask("end")
        return answer


@mistaken("test_one_of_many_at_once_leads", "test_one_of_many_succeeds_an_expired_leader")
class ReadsAndWrites(ZooElector):
    """Who sees that nobody leads writes its claim over whatever is there by then."""

    def claim(self):
        if self.token is None and self.ask("show")["leader"] is None:
            time.sleep(0.02)
            self.ask("end")
        return super().claim()


@mistaken("test_elector_knows_its_election")
class CutsItsId(ZooElector):
    """The candidate's id is cut."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate[:4])


@mistaken(
    "test_interoperates_is_as_declared",
    "test_other_tool_excludes_us",
    "test_claim_is_in_the_store",
    key=lambda _, lock_id: f"hidden/{lock_id}",
)
class HidesItsClaims(ZooElector):
    """Claims stand where no tool looks for them."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = f"hidden/{lock_id}"


# ------------------------------------------------------------ observing


@mistaken("test_observe_is_as_declared", "test_leader_is_shown", "test_leader_sees_itself")
class ShowsNobody(ZooElector):
    """Nobody is shown, whoever leads."""

    def record(self, answer):
        return LeaderRecord(self.lock_id, None, None, candidates=tuple(answer["waiting"]))


@mistaken("test_leader_that_relinquished_is_not_shown", "test_leader_that_expired_is_not_shown")
class ShowsWhoWasThere(ZooElector):
    """A leader that has gone is shown until there is another."""

    last = None

    def record(self, answer):
        self.last = answer if answer["leader"] or self.last is None else self.last
        return super().record(self.last)


@mistaken("test_nobody_leads_at_first")
class ShowsNobodyAsSomebody(ZooElector):
    """That nobody leads is shown as a leader without a name."""

    def record(self, answer):
        record = super().record(answer)
        return record if record.candidate else LeaderRecord(self.lock_id, "", 0, candidates=record.candidates)


@mistaken("test_watcher_is_no_candidate")
class WatchesAsACandidate(ZooElector):
    """Who looks takes a place in the queue."""

    def observe_leadership(self):
        record = super().observe_leadership()
        if record.candidate is not None and self.token is None:
            self.claim()
        return super().observe_leadership()


@mistaken("test_candidate_that_left_is_not_listed")
class IsListedForEver(ZooElector):
    """Who was refused and has left is listed still."""

    def release_at_the_end(self):
        if self.token is not None:
            super().release_at_the_end()

    def claim(self):
        fields = {"owner": self.owner, "candidate": self.candidate}
        return self.ask("claim", ttl=self.ttl(), **fields)


# ------------------------------------------------------------ news


@mistaken(
    "test_push_is_as_declared",
    "test_every_hand_over_is_told",
    "test_leader_that_closes_is_told",
    "test_expiry_is_told_to_followers",
    "test_loss_is_told_to_the_leader",
    "test_election_is_told_to_watchers",
    "test_hand_over_after_a_restart_is_told",
    slack=1.0,
)
class TellsNothing(ZooElector):
    """Nothing is told."""

    def changed(self):
        pass


# ------------------------------------------------------------ declarations


@mistaken("test_expiry_is_as_declared", "test_killed_leader_is_succeeded", slack=1.0)
class NeverExpires(ZooElector):
    """The claim of a silent leader is kept for ever."""

    def claim(self):
        fields = {"owner": self.owner, "candidate": self.candidate, "session": self.backend.session}
        return {**self.ask("claim", ttl=1e6, **fields), "ttl": self.ttl()}

    def renew(self):
        return {**self.ask("renew", owner=self.owner, ttl=1e6), "ttl": self.ttl()}


@mistaken("test_fencing_across_restarts_is_as_declared", counts_anew=True)
class TokensOfAMemory(ZooElector):
    """The store counts tokens in its memory, and they are declared to outlive a restart."""


@mistaken("test_diagnosis_is_told_in_lines")
class DiagnosesAtLength(ZooBackend):
    """A finding has two lines, and no remedy."""

    def diagnose(self):
        yield Finding("warning", "one line\nand another")


@mistaken("test_ttl_out_of_range_is_refused")
class TakesAnyTtl(ZooBackend):
    """A ttl out of the range that is declared is accepted."""

    def __init__(self, address, settings):
        shortest, longest = self.capabilities.ttl_range
        settings = type(settings)(min(max(settings.ttl, shortest), longest), settings.request_timeout, settings.clock)
        super().__init__(address, settings)


# ------------------------------------------------------------ processes


@mistaken(
    "test_leader_in_another_process_excludes_us",
    "test_leader_excludes_another_process",
    key=lambda _, lock_id: f"{lock_id}@{os.getpid()}",
)
class KeepsToItsProcess(ZooElector):
    """Claims stand where other processes do not look."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = f"{lock_id}@{backend.pid}"


@mistaken("test_killed_follower_does_not_stand_in_the_way")
class WaitsAfterDeath(Queue):
    """Who waited and was killed keeps its place before the others."""

    def ask(self, do, **fields):
        fields.pop("session", None)
        return super().ask(do, **fields)


@mistaken("test_forked_child_does_not_keep_the_claim")
class IsItsConnection(ZooElector):
    """The claim is a connection, of which a forked child has a copy."""

    connection = None

    def claim(self):
        if self.connection is None:
            end = time.monotonic() + self.backend.settings.request_timeout
            try:
                self.connection = Connection(*self.backend.client.place, end)
                self.connection.ask({"do": "watch", "session": self.owner}, end)
            except (OSError, ValueError) as error:
                raise StoreError(str(error)) from error
        fields = {"owner": self.owner, "candidate": self.candidate, "session": self.owner}
        return self.ask("claim", ttl=self.ttl(), bound=True, **fields)

    def release(self):
        self.hang_up()
        return {"released": True}

    def release_at_the_end(self):
        self.hang_up()

    def hang_up(self):
        if self.connection is not None:
            self.connection.sock.close()
        self.connection = None


# ------------------------------------------------------------ the beginning and the end


@mistaken("test_making_an_elector_starts_nothing")
class StartsAtOnce(ZooBackend):
    """Making a backend starts its watch."""

    def __init__(self, address, settings):
        super().__init__(address, settings)
        self.watch = self.watch_class(self.client, self.session, settings.ttl, self.changed)


@mistaken(
    "test_closing_leaves_no_thread",
    "test_closing_leaves_no_descriptor",
    "test_closing_after_an_outage_leaves_nothing",
)
class LeavesItsWatch(ZooBackend):
    """Closing a backend leaves its watch running."""

    def close(self):
        if self.is_ours():
            self.is_closed = True
            self.client.close()


@mistaken("test_closing_twice_is_harmless")
class ClosesOnce(ZooElector):
    """Closing again is an error."""

    def close(self):
        if self.is_closed:
            raise InvalidStateError
        super().close()


@mistaken("test_closing_unused_is_harmless")
class ClosesWhatWasUsed(ZooBackend):
    """Closing a backend that was never used is an error."""

    def close(self):
        if self.watch is None:
            raise InvalidStateError
        super().close()


@mistaken("test_closing_after_a_loss_is_harmless")
class ClosesWhatItHas(ZooElector):
    """Closing a leader whose claim has gone is an error."""

    def close(self):
        was_leader = self.token is not None and not self.is_closed and self.backend.is_ours()
        super().close()
        if was_leader:
            with suppress(StoreError, RefusedError):
                shown = self.backend.client.ask("show", election=self.key)
                if self.has_gone and shown["leader"] is None:
                    raise InvalidStateError

    has_gone = False

    def release_at_the_end(self):
        self.has_gone = not self.backend.client.ask("release", election=self.key, owner=self.owner)["released"]


class Unshared(Client):
    """One connection for all, of which each thread writes and reads as it comes."""

    only = None

    def take(self, end):
        if self.only is None:
            self.only = self.connect(end)
            self.used.add(self.only)
        return self.only

    def put_back(self, connection):
        pass

    def drop(self, connection):
        self.only = None
        super().drop(connection)


@mistaken("test_electors_of_one_backend_are_called_at_once")
class SharesAConnection(ZooBackend):
    """Threads use one connection at once, and read each other's answers."""

    client_class = Unshared


@mistaken("test_no_repr_shows_the_password")
class ShowsItsPassword(ZooBackend):
    """The repr of a backend shows the password."""

    def __repr__(self):
        return f"<{type(self).__name__} {self.client.place}>"
