"""A candidate's key: made, read back, and deleted without ever touching another's."""

from __future__ import annotations

from typing import Any

from incumbent import BackendUnavailableError

from ._connection import Connection
from ._errors import senseless
from ._layout import Election, Entry, Standing
from ._lease import Lease

__all__ = ["ForeignHandError", "Place"]

#: Times more keys are read at each further look ahead.
WIDER = 16


class ForeignHandError(BackendUnavailableError):
    """Somebody else has written to our key, or deleted it."""


class Place:
    """One key on one lease, from before it is asked for until it is known to be gone."""

    def __init__(self, connection: Connection, election: Election, value: str, lease: Lease) -> None:
        self._connection = connection
        self._election = election
        self.value = value
        self.lease = lease
        self.key = election.key(lease.id)
        #: The create revision, once the key is known to exist.
        self.revision: int | None = None
        #: Whether the key may be made by a request that had no answer.
        self.is_uncertain = False

    def request(self) -> Any:
        """Return the request that makes the key, or looks at it if it was made; and at what is ahead."""
        if self.revision is None:
            return self._election.campaign(self.key, self.value, self.lease.id)
        return self._election.look(self.key, self.revision)

    def read(self, answer: Any) -> Standing:
        """
        Read the answer: who waited believes only what is there now (P5).

        Raises:
            ForeignHandError: The key is not as we made it. It is deleted, unless it was written to again.
        """
        standing = self._election.standing(answer, self.key)
        if standing is None:
            raise ForeignHandError("etcd: the candidate's key was deleted")
        own = standing.own
        if own.lease != self.lease.id or own.value != self.value.encode():
            self._connection.call("Txn", self._election.delete_unchanged(own))
            raise ForeignHandError("etcd: the candidate's key was overwritten")
        self.revision = own.created
        return standing

    def ahead(self, standing: Standing) -> Entry | None:
        """Return the key before ours, if there is one; elections below this one may have hidden it at first."""
        ahead, partial, limit = standing.ahead, standing.is_partial, WIDER
        while ahead is None and partial:
            answer = self._connection.call("Range", self._election.ahead(standing.own.created, limit))
            ahead, partial = self._election.nearest(answer.kvs, standing.own.created), answer.more
            if partial and len(answer.kvs) < limit:
                raise senseless("less than was asked for, and more")
            limit *= WIDER
        return ahead

    def delete(self) -> bool:
        """
        Delete the key if it is ours; tell whether it was there. An error leaves that open.

        By its revision in any case: a request that arrives late must not delete the key of a later attempt.
        """
        if self.revision is None:
            found = self._connection.call("Range", self._election.read(self.key)).kvs
            if not found:
                return False
            self.revision = found[0].create_revision
        answer = self._connection.call("Txn", self._election.delete(self.key, self.revision))
        return bool(answer.succeeded)
