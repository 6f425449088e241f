"""The backend `redis://`: what all elections of a process share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

from incumbent import (
    Address,
    BackendSettings,
    Capabilities,
    ConfigurationError,
    Finding,
    LeaderElector,
    no,
    yes,
)
from incumbent.toolkit import BackendBase, BeatElector, Beats, importing

from ._guard import Guard
from ._options import HELP, Options
from ._records import Records
from ._store import Store
from ._watch import News

__all__ = ["RedisBackend"]

#: Keys are no place for novels.
LONGEST_NAME = 4096
#: In a ttl: a claim's last renewal is known that exactly.
LOOKS = 6
#: Seconds that `close` gives the thread besides what a request may take.
PROMPT = 1.0


class RedisBackend(BackendBase):
    """A few connections, one subscription, one renewal of all claims, one look at all elections."""

    contract_version: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        push=yes("messages of who leads and leaves; what nobody can tell is looked for six times per ttl"),
        observe=yes(),
        candidates=no("a waiting candidate leaves nothing in the store"),
        fencing_across_restarts=yes(
            "by a counter and, should that be lost, by the server's clock, which must not go back then; of a fail-over "
            "in a divided network only replicas=N makes sure that the old primary elects nobody"
        ),
        expiry=yes("by the clock of who waits: the server's plays no part"),
        interoperates=no("the locks of other tools have no token, and end by the server's clock"),
        info=yes("on a second line of the field candidate"),
        listing=yes("by SCAN, which looks at all keys of the database"),
        testament=yes("the record is deleted if it is still that claim's"),
    )
    options: ClassVar[Mapping[str, str]] = HELP
    harness: ClassVar[str | None] = "incumbent_redis.testing:RedisHarness"

    def __init__(self, address: Address, settings: BackendSettings) -> None:
        super().__init__(address, settings)
        options = Options.of(address)
        self.store = Store(options, settings.request_timeout)
        #: One hash tag, so that a cluster would keep all keys together.
        self.guard_key = f"{{{options.prefix}}}"
        self.guard = Guard(settings.ttl, str(address))
        self.records = Records(self.store, self.guard, self.guard_key, settings)
        self.beats = Beats(self.records, settings, looks=LOOKS, wake=self._wake)
        self.news = News(self.store, self.records, self.beats)

    def _elector(self, lock_id: str, candidate: str) -> LeaderElector:
        for what, text in (("the name of an election", lock_id), ("a candidate's id", candidate)):
            try:
                is_short = 0 < len(text.encode()) <= LONGEST_NAME
            except UnicodeEncodeError:
                raise ConfigurationError(f"redis: {what} has a character that is no Unicode: {text!a:.60}") from None
            if not is_short:
                raise ConfigurationError(f"redis: {what} must have 1 to {LONGEST_NAME} bytes")
        return BeatElector(lock_id, candidate, self, self.beats)

    def _elections(self, limit: int) -> Collection[str]:
        return self.records.elections(limit)

    def _execute(self, lock_id: str, testament: str) -> bool:
        return self.records.release(lock_id, testament)

    def _begin(self) -> None:
        with importing:
            from . import _connection, _errors  # noqa: F401, PLC0415 - import redis-py

    def _wake(self) -> None:
        self.news.wake()

    def _end(self) -> None:
        self.close_electors()
        self.news.stop()
        self.store.close()
        self.news.join(self.settings.request_timeout + PROMPT)

    def diagnose(self) -> Iterable[Finding]:
        """Look at the server, its version, persistence, replicas and memory, and at the encryption."""
        from ._diagnosis import findings  # noqa: PLC0415 - seldom needed

        return findings(self.store, self.guard, self.guard_key, self.settings)
