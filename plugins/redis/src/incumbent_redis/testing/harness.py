"""The harness for the conformance suite: a server of its own, or the one of a URL, and hands that reach it."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

from incumbent import Address, BackendSettings, LeaderRecord
from incumbent.testing import ServerHarness
from incumbent_redis._backend import RedisBackend
from incumbent_redis._guard import milliseconds, number
from incumbent_redis._options import Options
from incumbent_redis._store import Store

from .server import Server

__all__ = ["RedisHarness", "ValkeyHarness"]

#: By how much the longest ttl of the suite's elections is longer than the harness's.
LONGER = 4
#: Seconds that the harness's own requests may take: the machine may be busy.
PATIENT = 10.0


class RedisHarness(ServerHarness):
    """
    Runs the suite on Redis.

    Args:
        url: The server to use; None to start one, which is found by INCUMBENT_REDIS_BIN or on the PATH.
    """

    scheme = "redis"
    server_name = "redis"
    request_timeout = 0.6
    cannot: Mapping[str, str] = MappingProxyType({"tool": "no other tool takes part in these elections"})

    def open(self) -> None:
        """Start the server, if it is ours, and see that elections can be held on it."""
        if self.is_ours:
            self._folder = Path(tempfile.mkdtemp(prefix="incumbent-redis-"))
            self.server = server = Server(self._folder, name=self.server_name)
            server.start()
            self.url = f"redis://127.0.0.1:{server.port}"
        address = Address.parse(self.url)
        self._store = Store(Options.of(address), PATIENT)
        self._layout = RedisBackend(address, BackendSettings(self.ttl, self.request_timeout))
        self._come_of_age()

    def close(self) -> None:
        """Stop what was started."""
        if hasattr(self, "_store"):
            self._store.close()
        super().close()
        if self.is_ours and hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)

    # ------------------------------------------------------------ behind the elector's back

    def expire(self, lock_id: str) -> None:
        """Delete the record, as who takes over from a silent leader does first."""
        self._ask("DEL", self._layout.records.key(lock_id))

    def delete(self, lock_id: str) -> None:
        """Delete the record, which is all that there is of the election."""
        self._ask("DEL", self._layout.records.key(lock_id))

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read the record."""
        candidate, token = self._ask("HMGET", self._layout.records.key(lock_id), "candidate", "token")
        if candidate is None:
            return LeaderRecord(lock_id, None, None)
        return LeaderRecord(lock_id, candidate.decode(), number(token))

    def claims(self, lock_id: str) -> int:
        """Count the record."""
        return int(self._ask("EXISTS", self._layout.records.key(lock_id)))

    def restart(self, *, empty: bool = False) -> None:
        """Start the server again, and make it elect somebody, which it would do after a ttl."""
        super().restart(empty=empty)
        self._come_of_age()

    def rejected_url(self) -> str:
        """Return a URL with a user whom the server does not know."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://nobody:wrong@{rest.rpartition('@')[2]}"

    # ------------------------------------------------------------ inside

    def _ask(self, *words: str) -> Any:
        with self._store.lent() as wire:
            return wire.ask(*words)

    def _come_of_age(self) -> None:
        """Wait until the server has been known for a ttl, or, if it is ours, say so."""
        ttl = LONGER * self.ttl if self.is_ours else self.ttl
        settings = BackendSettings(ttl, PATIENT)
        with closing(RedisBackend(Address.parse(self.url), settings)) as backend:
            elector = backend.elector(f"harness/{uuid.uuid4().hex}", "harness")
            end = time.monotonic() + ttl + 3 * PATIENT
            while elector.acquire_leadership() is None:
                assert time.monotonic() < end, "nobody is elected on this server"
                if self.is_ours:
                    self._ask("HSET", self._layout.guard_key, "proven", milliseconds(ttl))
                time.sleep(0.05)
            elector.close()


class ValkeyHarness(RedisHarness):
    """Runs the suite on Valkey, which is found by INCUMBENT_VALKEY_BIN or on the PATH."""

    server_name = "valkey"
