"""What could keep an election on PostgreSQL from working, for `incumbent doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

from incumbent import BackendRejectedError, ElectionError, Finding

from ._addresses import addressed, turn
from ._connection import Client
from ._errors import LostError, RefusedError, no_connection
from ._read_only import refusal
from ._session import Session
from ._store import Store

__all__ = ["findings"]

#: The oldest server with everything that the statements need.
OLDEST = 120000
#: Of the request timeout, what a request may take before that is a warning.
SLOW = 0.5
#: Is a standby connected, and does a commit wait for one; and does what was written outlive a crash.
SAFETY = (
    "SELECT (SELECT count(*) FROM pg_stat_replication), current_setting('synchronous_standby_names'), "
    "current_setting('fsync')"
)


def findings(store: Store, session: Session, limit: float) -> Iterator[Finding]:
    """Yield them as they are found. Never raises."""
    from psycopg import __version__, pq  # noqa: PLC0415 - not before a URL asks for it

    yield Finding("ok", f"client libraries: psycopg {__version__}, libpq {pq.version()} ({pq.__impl__})")
    options = store.pool.options
    primaries = 0
    for host in options.hosts:
        where = options.shown(host)
        try:
            client = _reached(options.parameters(host), where, time.monotonic() + limit)
        except LostError as error:
            yield _unreached(no_connection(where, str(error)))
            continue
        try:
            found, is_primary = _server(client, limit, is_encrypted=options.is_encrypted)
            yield from found
            primaries += is_primary
        except (LostError, RefusedError) as error:
            yield Finding("error", f"{where}: {error}", "see the server's log")
        finally:
            client.close()
    if primaries != 1:
        yield Finding(
            "error",
            f"{primaries} of {len(options.hosts)} hosts take writes",
            "name the primary, its standbys, and nothing else in the URL",
        )
    elif primaries:
        yield from _rights(store, session)


def _reached(parameters: Mapping[str, str], where: str, end: float) -> Client:
    """Connect to the first address that lets us in. Raises LostError."""
    targets = addressed(parameters, end)
    for number, target in enumerate(targets[:-1]):
        with suppress(LostError):
            return Client(target, where, end, turn(end, len(targets) - number))
    return Client(targets[-1], where, end, end)


def _unreached(error: ElectionError) -> Finding:
    if isinstance(error, BackendRejectedError):
        return Finding(
            "error", str(error), "correct user, password, database or options, or let pg_hba.conf admit them"
        )
    return Finding("error", str(error), "see that this server runs and can be reached, or take it out of the URL")


def _server(client: Client, limit: float, *, is_encrypted: bool) -> tuple[list[Finding], bool]:
    """Return what there is to say of one server, and whether it takes writes."""
    where = client.where
    began = time.monotonic()
    ((in_recovery, process),) = client.run("SELECT pg_is_in_recovery(), pg_backend_pid()", began + limit)[0]
    took = time.monotonic() - began
    refused = refusal(client, time.monotonic() + limit)
    is_standby, is_read_only = in_recovery == "t", refused is not None
    version = f"{client.version // 10000}.{client.version % 10000}"
    kind = "a standby" if is_standby else "read-only" if is_read_only else "takes writes"
    text = f"{where}: PostgreSQL {version}, {kind}"
    is_old = client.version < OLDEST
    found = [Finding("error", text, "use PostgreSQL 12 or later") if is_old else Finding("ok", text)]
    if refused is not None and not is_standby:
        found.append(Finding("error", str(refused), "do what it says, or use another user or server"))
    if process != str(client.process):
        text = f"{where}: a pooler, which may let no news through: then a hand-over takes up to a sixth of the ttl"
        found.append(Finding("warning", text, "if that is too long, let it pool sessions, or go past it"))
    if client.is_encrypted and is_encrypted:
        found.append(Finding("ok", f"{where}: encrypted"))
    elif not client.is_loopback:
        text = f"{where}: encrypted only if the server wants to" if client.is_encrypted else f"{where}: not encrypted"
        found.append(Finding("warning", text, "give sslmode=verify-full, so that nobody between can read or write"))
    text = f"{where}: answers within {took * 1000:.0f} ms; a request may take {limit:.2f} s"
    is_slow = took > SLOW * limit
    remedy = "choose a longer ttl, or a server that is nearer"
    found.append(Finding("warning", text, remedy) if is_slow else Finding("ok", text))
    if not is_standby:
        found += _safety(where, client.run(SAFETY, time.monotonic() + limit)[0][0])
    return found, not is_read_only


def _safety(where: str, row: tuple[str | None, ...]) -> Iterator[Finding]:
    standbys, synchronous, fsync = row
    if fsync == "off":
        yield Finding("warning", f"{where}: fsync is off: a crash of the machine may lose claims", "set fsync = on")
    if standbys != "0" and not synchronous:
        yield Finding(
            "warning",
            f"{where}: its standbys are asynchronous: after a fail-over a claim may be missing, and another win",
            "set synchronous_standby_names, or accept two leaders for the rest of a ttl after a fail-over",
        )


def _rights(store: Store, session: Session) -> Iterator[Finding]:
    try:
        session.renewal()
    except ElectionError as error:
        yield Finding("error", str(error), "do what it says" if " run " in str(error) else "see the server's log")
        return
    yield Finding("ok", f"the tables in schema {store.layout.name!a} are there, and can be written")
