"""The harness for the conformance suite: a server of its own, or that of a URL, and hands that reach it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from incumbent import Address, LeaderRecord
from incumbent.testing import ServerHarness
from incumbent_postgres._layout import identifier
from incumbent_postgres._options import Options

from .server import Postgres

__all__ = ["PostgresHarness"]


class PostgresHarness(ServerHarness):
    """
    Runs the suite on PostgreSQL.

    Args:
        url: The database to use; None to start a server, which is found by INCUMBENT_POSTGRES_BIN or on the PATH.
    """

    scheme = "postgres"
    cannot: Mapping[str, str] = MappingProxyType({"tool": "no other tool knows the tables"})

    def open(self) -> None:
        """Start the server, if it is ours."""
        if self.is_ours:
            self.server = server = Postgres()
            server.start()
            self.url = server.url

    # ------------------------------------------------------------ behind the elector's back

    def expire(self, lock_id: str) -> None:
        """Delete the leader's session and its claims, as who waits does when it was silent for a ttl."""
        ((session,),) = self._sql("SELECT session FROM {}.election WHERE lock_id = %s", lock_id)
        self._sql("DELETE FROM {}.election WHERE session = %s", session)
        self._sql("DELETE FROM {}.session WHERE id = %s", session)

    def delete(self, lock_id: str) -> None:
        """Delete the row."""
        self._sql("DELETE FROM {}.election WHERE lock_id = %s", lock_id)

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read the row."""
        rows = self._sql("SELECT candidate, token FROM {}.election WHERE lock_id = %s", lock_id)
        return LeaderRecord(lock_id, *(rows[0] if rows else (None, None)))

    def claims(self, lock_id: str) -> int:
        """Count the rows."""
        return len(self._sql("SELECT claim FROM {}.election WHERE lock_id = %s", lock_id))

    def rejected_url(self) -> str:
        """Name a database that is not there."""
        before, question, options = self.url.partition("?")
        scheme, _, rest = before.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}/no-such-database-{id(self)}{question}{options}"

    # ------------------------------------------------------------ inside

    def _sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        import psycopg  # noqa: PLC0415 - not before it is needed

        options = Options.of(Address.parse(self.url))
        parameters: dict[str, Any] = options.parameters(options.hosts[0])
        with psycopg.connect(**parameters, autocommit=True) as connection:
            try:
                cursor = connection.execute(statement.format(identifier(options.schema)).encode(), values)
            except psycopg.errors.UndefinedTable:
                return []  # nobody has led yet
            return cursor.fetchall() if cursor.description else []
