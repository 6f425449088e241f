"""Answers that come late, and requests that arrive late or never."""

from __future__ import annotations

from incumbent import BackendUnavailableError, one_line

from . import mistaken
from .client import Client, StoreError
from .elector import ZooBackend, ZooElector


class Keeping(Client):
    def drop(self, connection):
        if connection is not None and not self.is_closed:
            self.put_back(connection)


@mistaken("test_late_answer_is_not_taken_for_another")
class KeepsTheConnection(ZooBackend):
    """A connection on which an answer did not come in time is used again, and the answer comes then."""

    client_class = Keeping


@mistaken("test_late_answer_is_not_that_of_the_next_time")
class KeepsItsOwnConnection(ZooElector):
    """Each elector has a client of its own, that uses a connection again on which an answer did not come in time."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.client = Keeping(*backend.client.place, backend.settings.request_timeout)

    def ask(self, do, **fields):
        self.backend.refuse_fork()
        self.backend.has_asked = True
        try:
            return self.client.ask(do, election=self.key, **fields)
        except StoreError as error:
            raise BackendUnavailableError(one_line(f"{self.backend.url}: {error}")) from error

    def close(self):
        super().close()
        if self.backend.is_ours():
            self.client.close()


@mistaken("test_late_release_meets_no_later_term")
class HasOneOwner(ZooElector):
    """All terms of an elector have the same owner: what was sent to end one ends the next."""

    def new_owner(self):
        return getattr(self, "owner", None) or super().new_owner()

    def claim(self):
        self.ask("show")
        self.backend.ask("forgive", owner=self.owner)
        return super().claim()


@mistaken("test_attempt_that_was_lost_is_repeated")
class TakesAnAttemptForAClaim(ZooElector):
    """Who had no answer to an attempt, and sees nobody lead, believes that it does."""

    is_unknown = False

    def claim(self):
        if self.is_unknown and self.ask("show")["leader"] is None:
            self.is_unknown = False
            return {"granted": True, "token": 10**9, "ttl": self.ttl()}
        try:
            answer = super().claim()
        except BackendUnavailableError:
            self.is_unknown = True
            raise
        self.is_unknown = False
        return answer


@mistaken("test_relinquishing_that_was_lost_is_repeated", ttl=2.0)
class TakesAnAttemptForTheEnd(ZooElector):
    """Who had no answer when it relinquished says that it is done as soon as the store answers again."""

    is_unknown = False

    def release(self):
        if self.is_unknown:
            self.ask("show")
            self.is_unknown = False
            return {"released": True}
        self.is_unknown = True
        answer = super().release()
        self.is_unknown = False
        return answer
