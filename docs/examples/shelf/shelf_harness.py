"""The harness for the conformance suite: a server of its own, and hands that reach its objects."""

import json
import tempfile
from pathlib import Path

from incumbent_shelf import Shelf, ShelfBackend
from shelf_server import ShelfServer

from incumbent import BackendSettings, LeaderRecord
from incumbent.testing import FakeClock, ServerHarness


class ShelfHarness(ServerHarness):
    """On a clock that tests can move: nothing on the shelf expires by the server's."""

    scheme = "shelf"
    cannot = {"tool": "no other tool knows the objects", "outsider": "another process has another clock"}

    def backend_class(self):
        return ShelfBackend

    def open(self):
        self.time = FakeClock()
        self.folder = tempfile.TemporaryDirectory()
        self.server = ShelfServer(Path(self.folder.name))
        self.server.start()
        self.url = f"shelf://127.0.0.1:{self.server.port}/elections"
        self.shelf = Shelf("127.0.0.1", self.server.port, "elections", BackendSettings(self.ttl, 10.0))

    def close(self):
        super().close()
        self.folder.cleanup()

    def clock(self):
        return self.time.now()

    def advance(self, seconds):
        self.time.advance(seconds)

    def expire(self, lock_id):
        content, version = self.shelf.get(lock_id)
        self.shelf.put(lock_id, json.dumps({**json.loads(content), "owner": ""}).encode(), version)

    def delete(self, lock_id):
        self.shelf.ask("DELETE", lock_id)

    def leader(self, lock_id):
        record = self.shelf.read([lock_id]).get(lock_id)
        return LeaderRecord(lock_id, record and record.candidate, record and record.token)

    def claims(self, lock_id):
        return len(self.shelf.read([lock_id]))

    def rejected_url(self):
        return self.url.replace("/elections", "/forbidden")
