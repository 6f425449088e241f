"""What the candidates write to: a resource outside the election, which refuses a token older than the newest."""

from __future__ import annotations

import json
import socketserver
import threading
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Register"]


@dataclass
class Page:
    """What is known of one election's writes."""

    newest: int = 0
    last: int = 0
    counts: Counter[str] = field(default_factory=Counter)


class Register:
    """A server on a free port of loopback; one line a write. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.pages: dict[str, Page] = {}
        register = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    for line in self.rfile:
                        self.wfile.write(register.write(*json.loads(line)).encode() + b"\n")
                except ConnectionError:
                    pass  # the candidate was killed

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="register", daemon=True)
        self._thread.start()

    def write(self, name: str, candidate: str, token: int) -> str:
        """Take one write, or refuse it."""
        with self._lock:
            page = self.pages.setdefault(name, Page())
            page.counts["writes"] += 1
            if token < page.newest:
                page.counts["stale"] += 1  # an unfenced register would have taken it
                return "refused"
            if token < page.last:
                page.counts["stale and accepted"] += 1
            page.newest = page.last = max(page.newest, token)
            return "taken"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
