"""Calls that take longer than one request may, each in a way of its own."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from incumbent import BackendUnavailableError

from . import mistaken
from .client import Client, Connection, RefusedError, StoreError
from .elector import ZooBackend, ZooElector

SLOW = "test_answers_at_the_last_moment_do_not_add_up"
DRIPS = "test_dripping_store_does_not_prolong_a_call"
GONE = "test_vanished_store_does_not_prolong_a_call"
SILENT = "test_timeouts_do_not_add_up"
DEAD = "test_calls_to_a_dead_store_end_in_time"
AT_ONCE = "test_calls_at_once_in_a_freeze_end_in_time"
CLOSING = "test_closing_during_a_call_ends_in_time"


class Made(Client):
    """Makes connections of a class of its own."""

    connection_class = Connection

    def connect(self, end):
        return self.connection_class(*self.place, end)


class Greeting(Client):
    def ask(self, do, **fields):
        if not self.idle:  # connect, and be greeted, before the time of what is asked begins
            with suppress(OSError, ValueError):
                self.put_back(self.connect(time.monotonic() + self.timeout))
        return super().ask(do, **fields)


@mistaken(SLOW)
class GreetsAndAsks(ZooBackend):
    """The greeting has the whole timeout, and what is asked after it has it again."""

    client_class = Greeting


class EachRead(Connection):
    def receive(self, end):
        full = max(0.01, end - time.monotonic())
        while b"\n" not in self.unread:
            self.sock.settimeout(full)
            part = self.sock.recv(65536)
            if not part:
                raise ConnectionError("the store has hung up")
            self.unread += part
        return super().receive(time.monotonic() + full)


class ReadingClient(Made):
    connection_class = EachRead


@mistaken(DRIPS)
class HasATimeoutForEachRead(ZooBackend):
    """The timeout is that of each read, as sockets have it."""

    client_class = ReadingClient


class Patient(Connection):
    def __init__(self, host, port, user, password, end):
        self.unread = b""
        self.sock = socket.create_connection((host, port))
        try:
            self.ask({"do": "hello", "user": user, "password": password}, max(end, time.monotonic() + 0.1))
        except BaseException:
            self.sock.close()
            raise


class PatientClient(Made):
    connection_class = Patient


@mistaken(GONE)
class ConnectsForever(ZooBackend):
    """Only what is asked has a timeout, and connecting has none."""

    client_class = PatientClient


class AskingAgain(Client):
    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except StoreError:
            return super().ask(do, **fields)


@mistaken(SILENT)
class TriesTwice(ZooBackend):
    """What had no answer is asked again, in the same call."""

    client_class = AskingAgain


class FixedClient(Client):
    def __init__(self, host, port, user, password, timeout):
        super().__init__(host, port, user, password, 2.0)


@mistaken(CLOSING)
class HasItsOwnTimeout(ZooBackend):
    """The timeout is the library's, and not that of the settings."""

    client_class = FixedClient


class InTurn(Client):
    def __init__(self, *where):
        super().__init__(*where)
        self.turn = threading.Lock()

    def ask(self, do, **fields):
        with self.turn:
            return super().ask(do, **fields)


@mistaken(AT_ONCE)
class OneAtATime(ZooBackend):
    """All calls of a backend have one lock: each that hangs holds up the others."""

    client_class = InTurn


class FewAtATime(Client):
    def __init__(self, *where):
        super().__init__(*where)
        self.turn = threading.Semaphore(3)

    def ask(self, do, **fields):
        with self.turn:
            return super().ask(do, **fields)


@mistaken(AT_ONCE)
class HasThreeConnections(ZooBackend):
    """Who finds no connection in the pool waits until there is one, and for its answer then."""

    client_class = FewAtATime


@mistaken(GONE)
class SaysGoodbyeAtLength(ZooBackend):
    """Closing the backend asks the store to forget it, again and again for two seconds."""

    def close(self):
        if not self.is_closed and self.is_ours() and self.has_asked:
            end = time.monotonic() + 2.0
            while time.monotonic() < end:
                with suppress(StoreError, RefusedError):
                    self.client.ask("ping")
                    break
        super().close()


@mistaken(DEAD)
class ClosesWhenItCan(ZooElector):
    """Closing tries again for two seconds when a connection breaks, or is refused."""

    def release_at_the_end(self):
        end = time.monotonic() + 2.0
        while True:
            try:
                return super().release_at_the_end()
            except StoreError as error:
                if "timed out" in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.1)


@mistaken(DEAD)
class ClosesWithAnError(ZooElector):
    """Closing raises when a connection breaks, or is refused."""

    def close(self):
        if not self.is_closed and self.backend.is_ours() and self.backend.has_asked:
            try:
                self.backend.client.ask("ping")
            except StoreError as error:
                if "timed out" not in str(error):
                    raise ConnectionRefusedError from error
        super().close()


@mistaken(DRIPS)
class LooksTwice(ZooElector):
    """Who observes and has no answer looks again."""

    def observe_leadership(self):
        try:
            return super().observe_leadership()
        except BackendUnavailableError:
            return super().observe_leadership()


@mistaken(CLOSING)
class ClosesInTurn(ZooElector):
    """Closing waits for the call that hangs."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.turn = threading.Lock()

    def acquire_leadership(self):
        with self.turn:
            return super().acquire_leadership()

    def close(self):
        with self.turn:
            super().close()
