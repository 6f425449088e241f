"""The backend `postgres://`: what all elections of a process share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import ClassVar

from incumbent import (
    Address,
    BackendSettings,
    Capabilities,
    ConfigurationError,
    ElectionError,
    Finding,
    LeaderElector,
    no,
    yes,
)
from incumbent.toolkit import BackendBase, BeatElector, Beats

from ._layout import Layout
from ._options import HELP, Options
from ._pool import Pool
from ._records import Records
from ._session import Session
from ._store import Store
from ._watch import Watch

__all__ = ["PostgresBackend"]

#: In a ttl.
LOOKS = 6
#: A longer name does not fit into an index, bytes.
LONGEST_NAME = 2048


class PostgresBackend(BackendBase):
    """One session, a few connections for statements, and one with a thread that watches."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("LISTEN, and a look at all elections every sixth of the ttl"),
        observe=yes("whether a silent leader is still shown is by the server's clock"),
        candidates=no("a waiting candidate leaves nothing in the tables"),
        fencing_across_restarts=yes(
            "a sequence; a fail-over to an asynchronous standby may lose claims and tokens that were granted"
        ),
        expiry=yes("by who has waited for a ttl on its own clock without seeing a renewal"),
        interoperates=no("the tables are its own"),
        info=yes("on a second line of the column candidate"),
        listing=yes(),
        testament=yes("the row is deleted if it is still that claim's"),
    )
    options: ClassVar[Mapping[str, str]] = HELP
    harness: ClassVar[str | None] = "incumbent_postgres.testing:PostgresHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        super().__init__(address, settings)
        options = Options.of(address)
        layout = Layout(options.schema, settings.request_timeout)
        self.pool = Pool(options, settings.request_timeout)
        self.store = Store(self.pool, layout)
        self.session = Session(self.store, settings.ttl, settings.clock)
        self.records = Records(self.store, self.session, settings)
        self.beats = Beats(self.records, settings, looks=LOOKS, wake=self._wake)
        self.watch = Watch(self.pool, layout, self.beats)

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        for what, text in (("the name of an election", lock_id), ("a candidate's id", candidate)):
            try:
                length = len(text.encode())
            except UnicodeEncodeError:
                raise ConfigurationError(f"postgres: {what} must be text that UTF-8 can encode") from None
            if "\0" in text or length > LONGEST_NAME:
                raise ConfigurationError(f"postgres: {what} may have {LONGEST_NAME} bytes at most, and no NUL")
        return BeatElector(lock_id, candidate, self, self.beats)

    def _elections(self, limit: int) -> Collection[str]:
        return self.store.elections(limit)

    def _execute(self, lock_id: str, testament: str) -> bool:
        return self.records.release(lock_id, testament)

    def _wake(self) -> None:
        self.watch.wake()

    def _end(self) -> None:
        self.watch.stop()
        with suppress(ElectionError):  # then it ends by its silence
            self.session.close()
        self.watch.join()
        self.pool.close()

    def diagnose(self) -> Iterable[Finding]:
        """Look at each server, the rights, and what a fail-over would keep."""
        from ._diagnosis import findings  # noqa: PLC0415 - seldom needed

        return findings(self.store, self.session, self.settings.request_timeout)
