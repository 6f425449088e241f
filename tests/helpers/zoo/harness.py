"""The zoo's harness: it starts a store, and reaches it with a connection of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from incumbent import Address, LeaderRecord
from incumbent.testing import ServerHarness, ServerProcess, free_port

from . import store
from .client import Connection, Watch
from .elector import ZooElector
from .plugin import ZOO, backend_of

#: Seconds within which the store answers its harness.
ANSWERED = 20.0


class ZooServer(ServerProcess):
    """The store, in a process of its own. It answers *delay* seconds late."""

    def __init__(self, folder, delay=0.0):
        self.port = free_port()
        self.file = folder / "store.json"
        command = [sys.executable, "-S", "-E", store.__file__, str(self.port), str(self.file), str(delay)]
        super().__init__(command, ready=self.answers, log=folder / "store.log")

    def answers(self):
        try:
            self.ask("ping")
        except OSError:
            return False
        return True

    def restart(self, *, empty=False):
        if empty:
            self.file.unlink(missing_ok=True)
        self.start()

    def forget_token(self):
        self.file.write_text(json.dumps({**json.loads(self.file.read_text()), "token": 0}))

    def ask(self, do, **fields):
        end = time.monotonic() + ANSWERED
        with closing(Connection("127.0.0.1", self.port, "harness", "", end)) as connection:
            return connection.ask({"do": do, **fields}, end)


class ZooHarness(ServerHarness):
    """
    A store of its own, with candidates in other processes.

    Attributes:
        which: The elector or the backend that is tested: the correct one, or one with a mistake.
        delay: Seconds by which the store answers late.
        counts_anew: Whether the store forgets the last token when it is restarted.
    """

    scheme = "zoo"
    which: type = ZooElector
    delay = 0.0
    counts_anew = False

    def key(self, lock_id):
        """Return where the elector keeps the election."""
        return lock_id

    def backend_class(self):
        return backend_of(self.which)

    def open(self):
        self.folder = Path(tempfile.mkdtemp(prefix="incumbent-zoo-"))
        if self.is_ours:
            self.server = ZooServer(self.folder, self.delay)
            self.server.start()
            self.url = f"zoo://127.0.0.1:{self.server.port}"
        self.elsewhere = patch.dict(os.environ, installed(self.folder, self.which))
        self.elsewhere.start()

    def close(self):
        Watch.end_all()
        self.elsewhere.stop()
        super().close()
        shutil.rmtree(self.folder)

    def expire(self, lock_id):
        self.server.ask("end", election=self.key(lock_id))

    def delete(self, lock_id):
        self.server.ask("delete", election=self.key(lock_id))

    def leader(self, lock_id):
        leader = self.server.ask("show", election=lock_id)["leader"]
        return LeaderRecord(lock_id, leader and leader["candidate"], leader and leader["token"])

    def claims(self, lock_id):
        shown = self.server.ask("show", election=self.key(lock_id))
        return len(shown["waiting"]) + (shown["leader"] is not None)

    def restart(self, *, empty=False):
        if self.counts_anew:
            self.server.forget_token()
        super().restart(empty=empty)

    def tool_acquires(self, lock_id):
        return self.server.ask("claim", election=lock_id, owner="tool", candidate="tool", ttl=60.0)["granted"]

    def tool_relinquishes(self, lock_id):
        self.server.ask("release", election=lock_id, owner="tool")
        self.server.ask("forgive", owner="tool")

    def rejected_url(self):
        address = Address.parse(self.url)
        return f"zoo://nobody:secret@{address.hosts[0][0]}:{address.hosts[0][1]}"


def installed(folder, which):
    """Return an environment in which *which* is the installed elector `zoo`."""
    info = folder / "incumbent_zoo-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: incumbent-zoo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[incumbent.electors]\nzoo = zoo.plugin\n")
    helpers = Path(__file__).parents[1]
    return {ZOO: f"{which.__module__}:{which.__qualname__}", "PYTHONPATH": os.pathsep.join(map(str, (folder, helpers)))}
