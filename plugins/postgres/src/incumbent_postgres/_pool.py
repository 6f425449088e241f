"""A few connections to whichever server takes writes, for all threads of a backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError
from incumbent.toolkit import ProcessBound, deadline

from ._addresses import addressed, note, share, turn
from ._connection import Client, Row
from ._errors import SILENCE, LostError, RefusedError, no_connection
from ._options import Options
from ._read_only import refusal

__all__ = ["Pool"]

#: Connections for statements, each of which is answered at once: somebody's lock may hold up one of them.
SIZE = 2
#: What a server says that has become a standby, or was made read-only: another one may take writes.
READ_ONLY = ("25006", "0A000")


class Pool(ProcessBound):
    """
    Runs statements. Connects when first used. Thread-safe; refuses to work in a forked child (P9).

    Args:
        options: Where and how.
        timeout: Seconds that a message may take, connecting included.
    """

    def __init__(self, options: Options, timeout: float) -> None:
        super().__init__()
        self.options = options
        self.timeout = timeout
        self._changed = threading.Condition()
        self._idle: list[Client] = []
        self._busy = 0
        self._closed = False
        self._first = 0

    def run(self, message: str) -> list[list[Row]]:
        """
        Run the statements of *message* in one transaction.

        Raises:
            BackendUnavailableError: They may have taken effect. The next message is for the next server.
            BackendRejectedError: No server lets us in.
            RefusedError: One of them failed: nothing has taken effect.
        """
        self.check_process()
        end = deadline(self.timeout)
        client = self._take(end)
        try:
            answer = client.run(message, end)
        except LostError as error:
            self._give_back(None)
            self.failed(client)
            raise BackendUnavailableError(f"postgres {client.where}: {self._in_words(error)}") from error
        except RefusedError as error:
            is_read_only = error.sqlstate in READ_ONLY
            self._give_back(None if is_read_only else client)
            if is_read_only:
                self.failed(client)
            raise
        except BaseException:  # Ctrl-C: the answer would be taken for that of the next message
            self._give_back(None)
            client.close()
            raise
        self._give_back(client)
        return answer

    def connect(self, end: float) -> Client:
        """
        Connect to the first server that takes writes, beginning with the one that was used last.

        Raises:
            BackendUnavailableError: None could be reached in time.
            BackendRejectedError: All refuse.
        """
        hosts, first = self.options.hosts, self._first
        errors: list[ElectionError] = []
        tried = 0
        while tried < len(hosts) and (not tried or time.monotonic() < end):
            number = (first + tried) % len(hosts)
            tried += 1
            client = self._host(hosts[number], end, len(hosts) - tried, errors)
            if client is not None:
                self._first = number
                return client
        if time.monotonic() >= end:  # the last one took all the time: the next call begins behind it
            self._first = (first + tried) % len(hosts)
        # Who cannot be reached now might let us in: only if all refuse, asking again is in vain.
        unreached = [error for error in errors if not isinstance(error, BackendRejectedError)]
        if unreached or tried < len(hosts):
            raise BackendUnavailableError(str((unreached or errors)[0]))
        raise errors[0]

    def failed(self, client: Client) -> None:
        """Note that *client* is of no use: the next server is asked from now on, and nothing idle is trusted."""
        client.close()
        note(client.parameters, answers=False)
        hosts = self.options.hosts
        with self._changed:
            if client.where == self.options.shown(hosts[self._first]):
                self._first = (self._first + 1) % len(hosts)
            stale = [idle for idle in self._idle if idle.where == client.where]
            self._idle = [idle for idle in self._idle if idle.where != client.where]
        for idle in stale:
            idle.close()

    def close(self) -> None:
        """End all connections, as soon as their messages are answered or out of time. Idempotent."""
        if self.is_foreign:
            return
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._busy, self.timeout)
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    # ------------------------------------------------------------ inside

    def _host(self, host: Mapping[str, str], end: float, others: int, errors: list[ElectionError]) -> Client | None:
        """
        Connect to the first address of *host* that takes writes, and leave time for so many *others*.

        What is wrong with those before is added to *errors*.
        """
        where = self.options.shown(host)
        try:
            targets = addressed(self.options.parameters(host), share(end, 1 + others))
        except LostError as error:
            errors.append(no_connection(where, self._in_words(error)))
            return None
        for number, target in enumerate(targets):
            if number and time.monotonic() >= end:
                errors.append(BackendUnavailableError(f"postgres {where}: its other addresses were not tried in time"))
                break
            try:
                client = self._connect(target, where, self._until(end), turn(end, len(targets) - number + others))
            except BackendRejectedError as error:
                errors.append(error)
            except ElectionError as error:
                note(target, answers=False)
                errors.append(error)
            else:
                note(target, answers=True)
                return client
        return None

    def _connect(self, target: Mapping[str, str], where: str, end: float, until: float) -> Client:
        """Connect, if that server takes writes. Raises what the contract has for one that does not."""
        address = f"{where} ({target['hostaddr']})" if "hostaddr" in target else where
        try:
            client = Client(target, where, end, until)
        except LostError as error:
            raise no_connection(address, self._in_words(error)) from error
        try:
            refused = refusal(client, end)
        except (LostError, RefusedError) as error:
            client.close()
            raise BackendUnavailableError(f"postgres {address}: {self._in_words(error)}") from error
        except BaseException:
            client.close()
            raise
        if refused is not None:
            client.close()
            raise refused
        return client

    def _until(self, end: float) -> float:
        limit = self.options.connect_timeout
        return min(end, time.monotonic() + limit) if limit else end

    def _take(self, end: float) -> Client:
        with self._changed:
            has_room = self._changed.wait_for(
                lambda: self._closed or self._busy < SIZE, max(0.0, end - time.monotonic())
            )
            if self._closed:
                raise BackendUnavailableError("postgres: the backend is closed")
            if not has_room:
                raise BackendUnavailableError(f"postgres: no answer to earlier requests within {self.timeout:g} s")
            self._busy += 1
            client = self._idle.pop() if self._idle else None
        try:
            if client is not None and not client.is_usable():
                client.close()
                client = None
            return client or self.connect(end)
        except BaseException:
            self._give_back(None)
            raise

    def _give_back(self, client: Client | None) -> None:
        with self._changed:
            self._busy -= 1
            if client is not None and not self._closed:
                self._idle.append(client)
                client = None
            self._changed.notify_all()
        if client is not None:
            client.close()

    def _in_words(self, error: LostError | RefusedError) -> str:
        text = str(error)
        return f"no answer within {self.timeout:g} s" if text == SILENCE else text
