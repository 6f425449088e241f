"""The harness for the conformance suite: a server of its own, and hands that reach it behind the elector's back."""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from incumbent import Address, LeaderRecord
from incumbent.testing import ServerHarness, ServerProcess, free_port
from incumbent.toolkit import Endpoint, Tls

from incumbent_toy._store import Store

#: Seconds that the harness's own requests may take: the machine may be busy.
PATIENT = 30.0


class ToyServer(ServerProcess):
    """A server on loopback, whose data are in *folder*."""

    # CHANGE: the command that starts yours, how it is known to serve, and which files an empty one does not have.

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.password = secrets.token_hex(8)
        (folder / "password").write_text(self.password)
        script = Path(__file__).with_name("server.py")
        super().__init__([sys.executable, script, str(self.port), folder], ready=self.serves, log=folder / "log")

    def serves(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
            return True
        return False

    def restart(self, *, empty: bool = False) -> None:
        if empty:
            (self.folder / "elections.json").unlink(missing_ok=True)
        self.start()


class ToyHarness(ServerHarness):
    """The server of the URL that is given, or one that is started."""

    scheme = "toy"
    # CHANGE: what nobody can do to your store, each with the reason. The tests that need it are then not run.
    cannot = {"tool": "no other tool takes part"}

    def open(self) -> None:
        if self.is_ours:
            self.folder = Path(tempfile.mkdtemp(prefix="incumbent-toy-"))
            self.server = server = ToyServer(self.folder)
            server.start()
            self.url = f"toy://app:{server.password}@127.0.0.1:{server.port}"

    def close(self) -> None:
        super().close()
        if self.is_ours:
            shutil.rmtree(self.folder)

    def client(self) -> Store:
        """Make a client of its own, which whoever asked for it closes."""
        address = Address.parse(self.url)
        ((host, port),) = address.hosts
        return Store(Endpoint(host, port or 0), Tls(), address.username, address.password, PATIENT)

    def ask(self, what: str, lock_id: str) -> Any:
        """Ask over a new connection: the server may have been restarted since the last, also by another process."""
        with closing(self.client()) as store:
            return store.ask(what, lock_id=lock_id)

    # CHANGE: each of these, with the store's own tools or a client of its own; not through the elector.

    def expire(self, lock_id: str) -> None:
        self.ask("drop", lock_id)

    def delete(self, lock_id: str) -> None:
        self.ask("drop", lock_id)

    def leader(self, lock_id: str) -> LeaderRecord:
        return LeaderRecord(lock_id, *self.ask("leader", lock_id)[:2])

    def claims(self, lock_id: str) -> int:
        return int(self.leader(lock_id).candidate is not None)

    def rejected_url(self) -> str:
        ((host, port),) = Address.parse(self.url).hosts
        return f"toy://app:wrong@{host}:{port}"
