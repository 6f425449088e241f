"""A server that keeps objects and compares ETags, for tests: `python shelf_server.py PORT FILE`."""

import http.client
import json
import sys
import threading
import uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from incumbent.testing import ServerProcess, free_port


class ShelfServer(ServerProcess):
    """One such server, which keeps its objects in *folder*."""

    def __init__(self, folder):
        self.port = free_port()
        self.file = folder / "objects.json"
        command = [sys.executable, __file__, str(self.port), self.file]
        super().__init__(command, ready=self.answers, log=folder / "log")

    def answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        with suppress(OSError):
            connection.request("GET", "/")
            return connection.getresponse().status == 404
        return False

    def restart(self, *, empty=False):
        if empty:
            self.file.unlink(missing_ok=True)
        self.start()


class Objects(BaseHTTPRequestHandler):
    """Each request is one step, and what it changes is in the file before it is answered."""

    disable_nagle_algorithm = True  # headers and content are two writes
    step = threading.Lock()
    file = Path()

    def do_GET(self):
        with self.step:
            tag, content = self.kept().get(self.path, (None, ""))
        self.answer(404 if tag is None else 200, tag, content)

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.step:
            objects = self.kept()
            tag, _ = objects.get(self.path, (None, ""))
            is_there, wanted = tag is not None, self.headers["If-Match"]
            if (is_there and self.headers["If-None-Match"] == "*") or (wanted is not None and wanted != tag):
                self.answer(412)
                return
            objects[self.path] = tag, _ = f'"{uuid.uuid4().hex}"', content
            self.keep(objects)
        self.answer(200, tag)

    def do_DELETE(self):
        with self.step:
            self.keep({path: kept for path, kept in self.kept().items() if path != self.path})
        self.answer(204)

    def kept(self):
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def keep(self, objects):
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(objects))
        new.replace(self.file)

    def answer(self, status, tag=None, content=""):
        data = content.encode()
        self.send_response(403 if self.path.startswith("/forbidden/") else status)
        if tag is not None:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Say nothing of each request."""


if __name__ == "__main__":
    Objects.file = Path(sys.argv[2])
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Objects).serve_forever()
