"""One candidate of one election: a key in its queue, and a watch on the key before it."""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf
from typing import Any

from incumbent import BackendRejectedError, Claim, ElectionError, LeaderRecord
from incumbent.toolkit import BackendBase, ElectorBase, Renewal, Sessions, join_info, split_info

from ._connection import Connection
from ._errors import LeaseGoneError
from ._layout import Election, Entry, Standing, testament_of
from ._lease import Attached, Lease
from ._news import News
from ._place import ForeignHandError, Place
from ._session import Session
from ._watch import Watcher

__all__ = ["EtcdElector"]


class EtcdElector(ElectorBase):
    """See `ElectorBase` for the verbs."""

    def __init__(
        self,
        lock_id: str,
        candidate: str,
        backend: BackendBase,
        *,
        connection: Connection,
        sessions: Sessions[Session],
        watcher: Watcher,
    ) -> None:
        super().__init__(lock_id, candidate, backend)
        self._connection = connection
        self._sessions = sessions
        self._clock = backend.settings.clock
        #: Seconds for which a renewal is evidence enough to begin a term: half of what it may last until the next one.
        self._fresh = backend.settings.renew_deadline / 2
        self._session: Session | None = None
        self._place: Place | None = None
        #: A key that is to be deleted before another one is made: it must not be taken for a new term's.
        self._leftover: Place | None = None
        #: When it began to look at its place last; and whether it has looked who leads since.
        self._looked_at = -inf
        self._observes = False
        #: The last term's token, and when it began, seconds since the Unix epoch; and whether that is to be told yet.
        self._began = (0, 0.0)
        self._is_untold = False
        #: Whether we may read what others tell of that, as far as is known.
        self._sees_since = True
        self._news = News(watcher, self._clock, self._tell, self._show)

    # ------------------------------------------------------------ what the verbs come down to

    def _campaign(self) -> Claim | None:
        """Queue up, once; return the claim if nobody is ahead."""
        try:
            return self._stand_in_line()
        except (LeaseGoneError, ForeignHandError):
            self._forget()
            return self._stand_in_line()  # with a new lease, or a new key

    def _release(self, token: int) -> bool:  # noqa: ARG002 - the key is the term's
        """Delete our key, if it is still there."""
        self._news.unfollow()  # the end that we make is no news; should it fail, the next check watches again
        was_there = self._place is not None and self._place.delete()
        self._forget()
        return was_there

    def _observe(self) -> LeaderRecord:
        """Read all candidates."""
        election = self._layout()
        with self._lock:
            self._observes = True
        answer, entries, since = self._read(election)
        self._news.observe(election, answer.header.revision + 1)
        if not entries:
            return LeaderRecord(self.lock_id, None, None)
        told = [split_info(entry.value.decode(errors="replace")) for entry in entries]
        names = tuple(candidate for candidate, _ in told)
        return LeaderRecord(self.lock_id, names[0], entries[0].created, since, names, told[0][1])

    def _read(self, election: Election) -> tuple[Any, list[Entry], float | None]:
        """Read the candidates, and since when the first one leads, if we may know that."""
        if self._sees_since:
            try:
                answer = self._connection.read("Txn", election.shown())
                return answer, *election.told(answer)
            except BackendRejectedError:
                pass  # perhaps it is only that
        answer = self._connection.read("Range", election.all())
        self._sees_since = False
        return answer, election.entries(answer), None

    def _leave(self, *, is_late: bool) -> None:
        """Delete our key, whatever is known of it."""
        self._news.close()
        session = self._session
        if session is not None:
            is_gone = self._withdraw()
            session.leave(self._layout().prefix, self, is_clean=is_gone and not is_late)

    # ------------------------------------------------------------ campaigning

    def _layout(self) -> Election:
        return Election(self._connection.rpc, self._connection.options.prefix, self.lock_id)

    def _stand_in_line(self) -> Claim | None:
        start = self._clock()
        value = join_info(self.candidate, self.info)
        with self._lock:
            self._observes = False  # until it looks again, only its place in the queue is news
            if self._place is not None and self._place.value != value:
                self._leftover, self._place = self._place, None  # its next key tells what is to be told now
        leftover = self._leftover  # which the session's thread may delete at the same time
        if leftover is not None:
            if not leftover.lease.is_dead:
                leftover.delete()
            self._leftover = None
        session = self._joined()
        lease = session.lease()
        place = self._place_on(lease, value)
        if place is None:
            return None
        session.keep_alive(lease)
        renewal = None if self._news.is_broken else lease.last(start - self._fresh)
        # Who is told of nothing is hardly first, and needs no renewal: the lease has those of the session.
        is_news = place.revision is None or self._news.latest >= self._looked_at
        standing, made = self._stand(place, start if is_news and renewal is None else None)
        renewal = renewal or made
        self._looked_at = start
        known = self._evidence = self._clock()  # a renewal that began before may not have seen the key
        ahead = place.ahead(standing)
        if ahead is not None:
            # Its end may make it our turn, or show the next one before us: no other candidate is asked.
            self._news.follow(ahead.key, standing.revision + 1, deletions=True)
            return None
        if renewal is None:
            self._news.latest = known  # it is, and nobody has told
            return self._stand_in_line()
        if self._began[0] != standing.own.created:
            self._began, self._is_untold = (standing.own.created, time.time()), True
        return self._lead(place, standing.own.created, renewal, known)

    def _joined(self) -> Session:
        session = self._session
        if session is None:
            session = self._sessions.join(self._layout().prefix, self)
            with self._lock:
                self._session, is_late = session, self._closed
            if is_late:  # `close` knew of no session
                session.leave(self._layout().prefix, self, is_clean=True)
        return session

    def _place_on(self, lease: Lease, value: str) -> Place | None:
        """Return what to ask for, or None if nobody would answer for it: `close` has been here."""
        with self._lock:
            if self._closed:
                return None
            if self._place is None or self._place.lease is not lease:
                self._place = Place(self._connection, self._layout(), value, lease)
            return self._place

    def _stand(self, place: Place, after: float | None) -> tuple[Standing, Renewal[Attached] | None]:
        """Make or read our key and, with *after*, renew the lease at the same time: one round trip."""
        place.is_uncertain = place.is_uncertain or place.revision is None
        request = self._connection.send("Txn", place.request())
        try:
            renewal = None if after is None else place.lease.renewal(after)
            answer = request.result()
        except LeaseGoneError:
            place.lease.is_dead = True
            raise
        finally:
            request.cancel()
        standing = place.read(answer)
        place.is_uncertain = False
        return standing, renewal

    def _lead(self, place: Place, token: int, renewal: Renewal[Attached], known: float) -> Claim:
        with self._lock:
            self._token, self._evidence = token, known
        # From the revision at which the key was made on: so its end cannot have been missed.
        self._news.follow(place.key, token + 1, deletions=False)
        return Claim(token, renewal.answer.ttl, renewal.sent, testament=testament_of(place.lease.id, token))

    def _renew(self, token: int) -> Claim | None:
        place = self._place
        renewal = None
        if place is not None:
            after = max(self._evidence, self._news.latest)
            try:
                if self._news.is_broken and not self._is_first(place, token, after):
                    self._forget()  # but not the key, which the next attempt finds
                    return None
                renewal = self._renewal(place, after)
            except (LeaseGoneError, ForeignHandError):
                place = None
        if place is not None and renewal is not None and place.key in (renewal.answer.keys or ()):
            return self._lead(place, token, renewal, renewal.sent)
        if place is not None:
            # Deleted, or overwritten and so on no lease any more: then it would block the queue for ever.
            self._discard(place)
        self._forget()
        return None

    def _renewal(self, place: Place, after: float) -> Renewal[Attached]:
        """Renew the lease; the first time in a term, tell beside that when it began: no hand-over waits for it."""
        if not self._is_untold:
            return place.lease.renewal(after)
        self._is_untold = False  # once: it is for display, and we may lack the right
        telling = None
        with suppress(ElectionError):
            telling = self._connection.send("Put", self._layout().tell_since(*self._began, place.lease.id))
        try:
            renewal = place.lease.renewal(after)
            if telling is not None:
                with suppress(ElectionError):
                    telling.result()
        finally:
            if telling is not None:
                telling.cancel()
        return renewal

    def _is_first(self, place: Place, token: int, after: float) -> bool:
        """Tell whether our key is the one of the term: a store that was restored may have it as it was long before."""
        self._news.is_broken = False
        try:
            standing, _ = self._stand(place, after)
            return standing.own.created == token and place.ahead(standing) is None
        except BaseException:
            self._news.is_broken = True
            raise

    def _discard(self, place: Place) -> None:
        """Delete the key now, or else before another one is made."""
        self._leftover = place
        try:
            place.delete()
        except ElectionError:
            return
        self._leftover = None

    def _forget(self) -> None:
        """Hold no claim, and no place, any more."""
        with self._lock:
            self._token = self._place = None
        self._news.unfollow()

    def _show(self) -> None:
        with self._lock:
            if not self._observes:
                self._news.unobserve()
                return
        self.notify()  # set by the runner after we were made

    # ------------------------------------------------------------ for the session, on its thread

    def has_place(self) -> bool:
        """Tell whether the lease is needed."""
        return self._place is not None or self._leftover is not None

    def lease_ended(self, lease: Lease) -> None:
        """Have the engine find out."""
        place = self._place
        if place is not None and place.lease is lease:
            self._news.tell()

    def supervise(self, lease: Lease, renewal: Renewal[Attached]) -> None:
        """
        Tell of a key that is gone; delete the key of an engine that is silent.

        The lease is shared, and renewed on a thread of its own: see `_is_silent`.
        """
        with self._lock:
            place = self._place
            if self._calling or self._closed:
                return
            if place is not None and place.lease is lease and self._is_silent(lease.ttl):
                self._leftover, self._place = place, None  # a check says from now on: lost
                self._owed = None
            leftover = self._leftover
            is_known = place is not None and place.revision is not None and renewal.sent > self._evidence
            keys = renewal.answer.keys
        if leftover is not None:
            self._discard(leftover)
        elif is_known and place is not None and keys is not None and place.key not in keys:
            self._news.tell()

    def _withdraw(self) -> bool:
        """Delete our key; tell whether it is certain that there is none."""
        is_certain = True
        for place in (self._place, self._leftover):
            if place is None or place.lease.is_dead:
                continue
            try:
                place.delete()
            except ElectionError:
                is_certain = False
            is_certain = is_certain and not place.is_uncertain
        if is_certain:
            with self._lock:
                self._place = self._leftover = self._token = None
        return is_certain
