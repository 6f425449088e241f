"""
The two tables, and every statement on them.

`session` has a row for each backend (one process) that leads, or has led: each renewal gives it another random `beat`.
`election` has a row for each election that somebody leads, held by a session. Nobody's clock is compared with a
time in them: `since` and `renewed` are for display.
"""

# ruff: noqa: S608 - whatever is not ours goes through `literal` or `identifier`
from __future__ import annotations

import time
from collections.abc import Iterable

from ._rows import Entry

__all__ = ["Layout", "identifier", "literal"]

#: Who waits for somebody's lock for longer than this share of the request timeout gives the connection free.
PATIENCE = 0.5
#: Sessions without a claim that were silent for a day are nobody's; by the server's clock, since nothing hangs on them.
FORGOTTEN = "1 day"
#: The run of the server. A number: as text it would differ with the time zone of who shares the pooler.
RUN = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint"


class Layout:
    """
    The statements on the tables of one schema.

    Args:
        schema: Its name.
        timeout: Seconds that a request may take.
    """

    def __init__(self, schema: str, timeout: float) -> None:
        self.name = schema
        self.schema = identifier(schema)
        self._election = f"{self.schema}.election"
        self._session = f"{self.schema}.session"
        self._channel = literal(schema)
        # Whatever the database, the role or a pooler has set: one snapshot for each statement, commits that are on
        # disk (and on synchronous standbys) before they are answered, and no endless wait for somebody's lock.
        self._preamble = (
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; "
            f"SET LOCAL lock_timeout = {max(1, int(PATIENCE * timeout * 1000))}; "
        )

    # ------------------------------------------------------------ making them

    def exists(self) -> str:
        """Tell whether the schema is there, and who we are."""
        return f"SELECT to_regnamespace({literal(self.schema)}) IS NOT NULL, current_user, current_database()"

    def create_schema(self) -> str:
        """Make the schema, which needs a right even if it is there."""
        return f"{self._one_at_a_time()} CREATE SCHEMA IF NOT EXISTS {self.schema}"

    def create_tables(self) -> str:
        """Make the tables."""
        # Tokens begin at the milliseconds since 1970: also tables that were dropped and made again go on growing (P4).
        return (
            f"{self._one_at_a_time()} "
            f"CREATE TABLE IF NOT EXISTS {self._session} ("
            'id text COLLATE "C" PRIMARY KEY, beat text NOT NULL, '
            "ttl double precision NOT NULL CHECK (ttl > 0 AND ttl < 'infinity'), "
            "renewed timestamptz NOT NULL) WITH (fillfactor = 50); "
            f"CREATE TABLE IF NOT EXISTS {self._election} ("
            f'lock_id text COLLATE "C" PRIMARY KEY, session text COLLATE "C" NOT NULL REFERENCES {self._session}, '
            "claim text NOT NULL, candidate text NOT NULL, "
            f"token bigint NOT NULL GENERATED ALWAYS AS IDENTITY (START WITH {int(time.time() * 1000)}), "
            "since timestamptz NOT NULL DEFAULT clock_timestamp()); "
            f"CREATE INDEX IF NOT EXISTS election_session ON {self._election} (session)"
        )

    # ------------------------------------------------------------ reading

    def listen(self) -> str:
        """Ask for the notifications."""
        return f"LISTEN {self.schema}"

    def mark(self, new: Iterable[str], old: Iterable[str]) -> str:
        """Show that this connection waits for *new*, and no more for *old*: a leader that goes counts who waits."""
        marks = [f"SELECT pg_try_advisory_lock_shared({self._mark(literal(lock_id))})" for lock_id in new]
        return "; ".join(
            marks + [f"SELECT pg_advisory_unlock_shared({self._mark(literal(lock_id))})" for lock_id in old]
        )

    def look(self, lock_ids: Iterable[str]) -> str:
        """Read who leads."""
        names = ", ".join(map(literal, lock_ids))
        return (
            f"{self._preamble}"
            "SELECT e.lock_id, e.claim, e.token, e.candidate, extract(epoch FROM e.since), s.id, s.beat, s.ttl, "
            "extract(epoch FROM clock_timestamp() - s.renewed) < s.ttl, "
            f"{RUN} FROM {self._election} e JOIN {self._session} s ON s.id = e.session WHERE e.lock_id IN ({names})"
        )

    def elections(self, limit: int) -> str:
        """Read which elections somebody leads."""
        return f"{self._preamble}SELECT lock_id FROM {self._election} ORDER BY lock_id LIMIT {limit}"

    # ------------------------------------------------------------ writing

    def renew(self, session: str, beat: str, ttl: float, leftovers: Iterable[str]) -> str:
        """Renew the session, or make it; delete the claims in *leftovers*; and read which claims it has."""
        sweep = ""
        if claims := ", ".join(map(literal, leftovers)):
            sweep = self._told(
                f"DELETE FROM {self._election} WHERE session = {literal(session)} AND claim IN ({claims})"
            )
        return (
            f"{self._preamble}"
            f"INSERT INTO {self._session} (id, beat, ttl, renewed) "
            f"VALUES ({literal(session)}, {literal(beat)}, {literal(ttl)}, clock_timestamp()) "
            "ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, renewed = excluded.renewed; "
            f"{sweep}"
            f"SELECT lock_id, claim, token FROM {self._election} WHERE session = {literal(session)}"
        )

    def claim(self, lock_id: str, session: str, claim: str, candidate: str, silent: Entry | None) -> str:
        """Claim the election for *session* if nobody has it, or if *silent* has it and was not renewed since."""
        # Who draws a token before another one's term, and inserts it after that, would have the smaller one: so tokens
        # are drawn in turn, and the lock is had before the statement that draws begins (P4).
        return (
            f"{self._preamble}"
            f"SELECT pg_advisory_xact_lock(hashtextextended({literal(f'{self.schema}.{lock_id}')}, 0)); "
            f"{'' if silent is None else self._bury(silent)}"
            f"WITH new AS (INSERT INTO {self._election} (lock_id, session, claim, candidate) "
            f"VALUES ({literal(lock_id)}, {literal(session)}, {literal(claim)}, {literal(candidate)}) "
            "ON CONFLICT (lock_id) DO NOTHING RETURNING lock_id, claim, token) "
            f"SELECT token, {self._led()} FROM new"
        )

    def relinquish(self, lock_id: str, claim: str) -> str:
        """Delete that claim, which is that of one term: a late request must not end the next one."""
        return self._preamble + self._told(
            f"DELETE FROM {self._election} WHERE lock_id = {literal(lock_id)} AND claim = {literal(claim)}"
        )

    def end(self, session: str) -> str:
        """Delete the session with all of its claims: what it has asked for and is late then finds no session."""
        claims = self._told(f"DELETE FROM {self._election} WHERE session = {literal(session)}")
        return f"{self._preamble}{claims}{self.retire(session)}"

    def retire(self, session: str) -> str:
        """Delete the session if it has no claim."""
        return (
            f"DELETE FROM {self._session} WHERE id = {literal(session)} "
            f"AND NOT EXISTS (SELECT FROM {self._election} WHERE session = {literal(session)})"
        )

    # ------------------------------------------------------------ parts

    def _bury(self, silent: Entry) -> str:
        """Delete a session that was not renewed since it was seen, and all of its claims: on that server only."""
        # Without ON DELETE CASCADE: a claim that is made in this moment makes the deletion fail.
        dead = (
            f"WITH {self._waits()}, dead AS (DELETE FROM {self._session} "
            f"WHERE id = {literal(silent.session)} AND beat = {literal(silent.beat)} "
            f"AND {RUN} = {literal(silent.server)} RETURNING id), "
            f"gone AS (DELETE FROM {self._election} USING dead WHERE session = dead.id RETURNING lock_id, claim) "
            f"SELECT {self._free()} FROM gone; "
        )
        forgotten = (
            f"DELETE FROM {self._session} s WHERE renewed < clock_timestamp() - interval '{FORGOTTEN}' "
            f"AND NOT EXISTS (SELECT FROM {self._election} WHERE session = s.id); "
        )
        return dead + forgotten

    def _told(self, deletion: str) -> str:
        """Delete, notify, and return a row for each deleted one."""
        return f"WITH {self._waits()}, gone AS ({deletion} RETURNING lock_id, claim) SELECT {self._free()} FROM gone; "

    def _led(self) -> str:
        """Tell that the election is led, and by whose claim."""
        return f"pg_notify({self._channel}, '+' || claim || ' ' || lock_id)"

    def _free(self) -> str:
        """Tell that the election is free, whose claim has made it so, and how many wait for it."""
        waiting = f"coalesce((SELECT number FROM waits WHERE mark = {self._mark('lock_id')}), 0)"
        return f"pg_notify({self._channel}, '-' || claim || ':' || {waiting} || ' ' || lock_id)"

    def _mark(self, lock_id: str) -> str:
        return f"hashtextextended({literal(f'{self.schema} is waited for: ')} || {lock_id}, 0)"

    @staticmethod
    def _waits() -> str:
        """Count the marks."""
        return (
            "waits AS (SELECT (classid::bigint << 32) | objid::bigint AS mark, count(*) AS number FROM pg_locks "
            "WHERE locktype = 'advisory' AND objsubid = 1 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1)"
        )

    def _one_at_a_time(self) -> str:
        # IF NOT EXISTS alone fails when two make it at once.
        return f"{self._preamble}SELECT pg_advisory_xact_lock(hashtextextended({self._channel}, 0));"


def literal(value: str | float) -> str:
    """Return *value* as SQL, for a connection in UTF-8, whatever `standard_conforming_strings` says."""
    if isinstance(value, str):
        return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return repr(value)


def identifier(name: str) -> str:
    """Return *name* as SQL."""
    return '"' + name.replace('"', '""') + '"'
