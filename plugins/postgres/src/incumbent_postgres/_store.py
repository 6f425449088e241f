"""What electors ask of the tables, each one message; and the tables, made when they are first needed."""

from __future__ import annotations

from collections.abc import Iterable

from incumbent import BackendRejectedError, ElectionError

from ._connection import Row
from ._errors import MISSING, RefusedError, translated
from ._layout import Layout, identifier
from ._pool import Pool
from ._rows import Entry, claims, entries

__all__ = ["Store"]

NO_RIGHT = "42501"


class Store:
    """
    The tables in one schema. Thread-safe.

    Each method raises BackendUnavailableError when the outcome is unknown, and BackendRejectedError when asking
    again cannot help.
    """

    def __init__(self, pool: Pool, layout: Layout) -> None:
        self.pool = pool
        self.layout = layout
        self._where = f"schema {layout.name!a}"

    def look(self, lock_ids: Iterable[str]) -> dict[str, Entry]:
        """Read who leads these elections; those that nobody leads are left out."""
        return entries(self._read(self.layout.look(lock_ids)))

    def elections(self, limit: int) -> list[str]:
        """Read which elections somebody leads."""
        return [str(lock_id) for (lock_id,) in self._read(self.layout.elections(limit))]

    def renew(self, session: str, beat: str, ttl: float, leftovers: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Renew the session, and return its claims and their tokens by election. Makes the tables if need be."""
        message = self.layout.renew(session, beat, ttl, leftovers)
        try:
            answer = self.pool.run(message)
        except RefusedError as error:
            if error.sqlstate not in MISSING:
                raise self._translated(error) from error
            self._create()
            answer = self._run(message)
        return claims(answer[-1])

    def claim(
        self, lock_id: str, session: str, claim: str, candidate: str, silent: Entry | None
    ) -> tuple[str, int] | None:
        """Claim the election; return the claim and its token, or None if somebody else was faster."""
        rows = self._run(self.layout.claim(lock_id, session, claim, candidate, silent))[-1]
        return claims((lock_id, claim, row[0]) for row in rows).get(lock_id)

    def relinquish(self, lock_id: str, claim: str) -> bool:
        """Delete the claim; tell whether it was there."""
        return self._deleted(self.layout.relinquish(lock_id, claim))

    def end(self, session: str) -> None:
        """Delete the session and its claims."""
        self._deleted(self.layout.end(session))

    def retire(self, session: str) -> None:
        """Delete the session if it has no claim."""
        self._deleted(self.layout.retire(session))

    # ------------------------------------------------------------ inside

    def _read(self, message: str) -> list[Row]:
        """Return the rows; none if there are no tables."""
        try:
            return self.pool.run(message)[-1]
        except RefusedError as error:
            if error.sqlstate in MISSING:
                return []
            raise self._translated(error) from error

    def _deleted(self, message: str) -> bool:
        try:
            answer = self.pool.run(message)
        except RefusedError as error:
            if error.sqlstate in MISSING:
                return False
            raise self._translated(error) from error
        return any(answer)

    def _run(self, message: str) -> list[list[Row]]:
        try:
            return self.pool.run(message)
        except RefusedError as error:
            raise self._translated(error) from error

    def _translated(self, error: RefusedError) -> ElectionError:
        if error.sqlstate != NO_RIGHT:
            return translated(self._where, error)
        schema, user = self.layout.schema, identifier(self.pool.options.common.get("user", "our user"))
        return BackendRejectedError(
            f"postgres {self._where}: {error}: let its owner run GRANT USAGE ON SCHEMA {schema} TO {user}; "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}"
        )

    def _create(self) -> None:
        ((exists, user, database),) = self._run(self.layout.exists())[0]
        schema, user, database = self.layout.schema, identifier(str(user)), identifier(str(database))
        if exists != "t":
            self._make(
                self.layout.create_schema(),
                f"let the owner of database {database} run CREATE SCHEMA {schema} AUTHORIZATION {user}",
            )
        self._make(
            self.layout.create_tables(),
            f"let the owner of schema {schema} run GRANT CREATE, USAGE ON SCHEMA {schema} TO {user}",
        )

    def _make(self, message: str, remedy: str) -> None:
        try:
            self.pool.run(message)
        except RefusedError as error:
            if error.sqlstate != NO_RIGHT:
                raise self._translated(error) from error
            raise BackendRejectedError(
                f"postgres {self._where}: the tables are missing, and we may not make them: {remedy}"
            ) from error
