"""The client library of the zoo's store: requests that are bounded as a whole, and a watch."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from typing import ClassVar

from incumbent.toolkit import deadline


class StoreError(Exception):
    """The store did not answer, or its answer makes no sense."""


class RefusedError(Exception):
    """The store refuses who asks."""


class Connection:
    """A connection that has been greeted. Whoever got no answer on it closes it: the answer may come yet."""

    def __init__(self, host, port, user, password, end):
        self.unread = b""
        self.sock = socket.create_connection((host, port), timeout=left(end))
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ask({"do": "hello", "user": user, "password": password}, end)
        except BaseException:
            self.sock.close()
            raise

    def ask(self, request, end):
        """Send a request, and return its answer, before *end* on the monotonic clock."""
        self.send(request, end)
        return self.receive(end)

    def send(self, request, end):
        self.sock.settimeout(left(end))
        self.sock.sendall(json.dumps(request).encode() + b"\n")

    def receive(self, end):
        while b"\n" not in self.unread:
            self.sock.settimeout(left(end))
            part = self.sock.recv(65536)
            if not part:
                raise ConnectionError("the store has hung up")
            self.unread += part
        line, _, self.unread = self.unread.partition(b"\n")
        answer = json.loads(line)
        if "refused" in answer:
            raise RefusedError(answer["refused"])
        return answer

    def close(self):
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def left(end):
    """Return the seconds that are left until *end*."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


class Client:
    """Connections to one store, made when they are needed and kept. Thread-safe."""

    def __init__(self, host, port, user, password, timeout):
        self.place = host, port, user, password
        self.timeout = timeout
        self.lock = threading.Lock()
        self.idle = []
        self.used = set()
        self.is_closed = False

    def ask(self, do, **fields):
        """Ask the store once, in `timeout` seconds altogether, or before the end of a call that asks several times."""
        end = deadline(self.timeout)
        connection = None
        try:
            connection = self.take(end)
            answer = connection.ask({"do": do, **fields}, end)
        except RefusedError:
            self.drop(connection)
            raise
        except (OSError, ValueError) as error:
            self.drop(connection)
            raise StoreError(str(error) or type(error).__name__) from error
        self.put_back(connection)
        return answer

    def take(self, end):
        """Return a connection that nobody else uses."""
        with self.lock:
            connection = self.idle.pop() if self.idle else None
        if connection is None:
            connection = self.connect(end)
        with self.lock:
            self.used.add(connection)
        return connection

    def connect(self, end):
        return Connection(*self.place, end)

    def put_back(self, connection):
        with self.lock:
            self.used.discard(connection)
            if not self.is_closed:
                self.idle.append(connection)
                return
        connection.close()

    def drop(self, connection):
        """Close a connection that failed, and all that may have failed with it."""
        with self.lock:
            self.used.discard(connection)
            closing, self.idle = [connection, *self.idle], []
        for failed in filter(None, closing):
            failed.close()

    def close(self):
        with self.lock:
            self.is_closed = True
            closing, self.idle = [*self.idle, *self.used], []
        for connection in closing:
            connection.close()


class Watch:
    """A thread that hears of changes on a connection of its own, and calls *changed* with the name of the election."""

    #: Seconds between two tries to connect.
    PAUSE = 0.1
    #: Those that have not ended, of whatever kind.
    alive: ClassVar[set[Watch]] = set()

    def __init__(self, client, session, every, changed):
        self.client = client
        self.session = session
        #: Seconds of silence after which the store is asked whether it is there.
        self.every = every
        self.changed = changed
        self.lock = threading.Lock()
        self.connection = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, name="zoo-watch", daemon=True)
        self.thread.start()
        Watch.alive.add(self)

    @classmethod
    def end_all(cls):
        """End those that a mistaken elector has left, or they would go on connecting while other tests run."""
        for watch in list(cls.alive):
            Watch.close(watch)

    def run(self):
        while not self.over.is_set():
            with suppress(OSError, ValueError, RefusedError, StoreError):
                self.listen()
            with self.lock:
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
            self.over.wait(self.PAUSE)

    def listen(self):
        end = time.monotonic() + self.client.timeout
        connection = self.client.connect(end)
        with self.lock:
            self.connection = connection
            if self.over.is_set():
                return
        connection.ask({"do": "watch", "session": self.session}, end)
        self.changed(None)  # anything may have happened meanwhile
        while not self.over.is_set():
            try:
                news = connection.receive(time.monotonic() + self.every)
            except TimeoutError:
                connection.send({"do": "ping"}, time.monotonic() + self.client.timeout)
                news = connection.receive(time.monotonic() + self.every)
            if "changed" in news:
                self.changed(news["changed"])

    def close(self):
        self.over.set()
        with self.lock:
            if self.connection is not None:
                self.connection.close()
        self.thread.join(self.client.timeout)
        Watch.alive.discard(self)
