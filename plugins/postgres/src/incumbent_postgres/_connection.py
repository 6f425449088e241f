"""
One connection: libpq without blocking, so that every wait has a deadline (P10).

psycopg's own connection waits for answers as long as TCP does: of a server that is stopped, for ever. Its module `pq`
is libpq itself.
"""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from incumbent import one_line

from ._errors import SILENCE, LostError, RefusedError

__all__ = ["Client", "Row"]

#: A row as the server sends it: text, or None.
Row = tuple[str | None, ...]


class Client:
    """
    Connect to one server. One thread at a time.

    Args:
        parameters: What libpq is told: of the host one address, or it would look the name up without a deadline.
        where: The server, for messages.
        end: When the connection must be there, on the monotonic clock.
        until: When the server's system must have answered at all: one that is gone leaves time for the next address.

    Raises:
        LostError: It cannot be reached, or refuses; says which in libpq's words.
    """

    def __init__(self, parameters: Mapping[str, str], where: str, end: float, until: float) -> None:
        from psycopg import Error, pq  # noqa: PLC0415 - not before a URL asks for it
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415

        self.parameters = parameters
        self.where = where
        self._pq, self._error = pq, Error
        self._secret = parameters.get("password")
        self._notifications: list[str] = []
        began = time.monotonic()
        self._conn: Any = pq.PGconn.connect_start(make_conninfo("", **parameters).encode())
        try:
            self._conn.nonblocking = 1
            self._connect(end, until)
        except Error as error:
            self.close()
            raise LostError(one_line(str(error), self._secret)) from None
        except LostError as error:
            self.close()
            if str(error) == SILENCE:
                raise LostError(f"no answer within {time.monotonic() - began:.2g} s") from None
            raise

    def _connect(self, end: float, until: float) -> None:
        polling = self._pq.PollingStatus
        events = select.POLLOUT
        limit = min(end, until)
        while True:
            if self._conn.status != self._pq.ConnStatus.BAD:
                self._wait(events, limit)
            status = self._conn.connect_poll()
            if self._conn.status != self._pq.ConnStatus.STARTED:
                limit = end
            if status == polling.OK:
                return
            if status == polling.FAILED:
                raise LostError(one_line(self._conn.error_message.decode(errors="replace"), self._secret))
            events = select.POLLIN if status == polling.READING else select.POLLOUT

    @property
    def version(self) -> int:
        """The server's version: 150002 is 15.2."""
        return int(self._conn.server_version)

    @property
    def process(self) -> int:
        """The server's process that serves us, as it has said; a pooler makes a number up."""
        return int(self._conn.backend_pid)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is in use."""
        return bool(self._conn.ssl_in_use)

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent stays on this machine."""
        address = self._conn.hostaddr.decode()
        return not address or address.startswith("/") or ip_address(address).is_loopback

    @property
    def descriptor(self) -> int:
        """The socket, to wait for notifications on."""
        return int(self._conn.socket)

    def is_usable(self) -> bool:
        """Tell whether the server has not ended the connection while it was idle."""
        # Nothing is asked, so what has arrived is its farewell; libpq would take it, and not see the end behind it.
        poll = select.poll()
        poll.register(self._conn.socket, select.POLLIN)
        return not poll.poll(0)

    def run(self, message: str, end: float) -> list[list[Row]]:
        """
        Run the statements of *message* in one transaction, and return the rows of each that has rows.

        Raises:
            RefusedError: One of them failed: nothing has taken effect.
            LostError: It may have taken effect.
        """
        try:
            return self._run(message, end)
        except self._error as error:
            raise LostError(one_line(str(error), self._secret)) from None

    def _run(self, message: str, end: float) -> list[list[Row]]:
        # The simple protocol: several statements are one transaction and one round trip, and a pooler sees no
        # prepared statement and no setting that outlives them.
        self._conn.send_query(message.encode())
        while self._conn.flush():
            self._wait(select.POLLIN | select.POLLOUT, end)
            self._conn.consume_input()
        answers: list[list[Row]] = []
        refusal: RefusedError | None = None
        while (result := self._result(end)) is not None:
            if result.status == self._pq.ExecStatus.TUPLES_OK:
                answers.append(_rows(result))
            elif result.status != self._pq.ExecStatus.COMMAND_OK:
                refusal = self._refusal(result)
        if self._conn.status != self._pq.ConnStatus.OK:
            raise LostError(str(refusal or "the connection was closed"))
        if refusal is not None:
            raise refusal
        return answers

    def notifications(self) -> list[str]:
        """Return the payloads that have arrived, without waiting. Raises LostError."""
        try:
            self._conn.consume_input()
            while (notification := self._conn.notifies()) is not None:
                self._notifications.append(notification.extra.decode(errors="replace"))
        except self._error as error:
            raise LostError(one_line(str(error), self._secret)) from None
        arrived, self._notifications = self._notifications, []
        return arrived

    def close(self) -> None:
        """End the connection, without waiting for the server. Not in a forked child: it shares the socket."""
        self._conn.finish()

    def _result(self, end: float) -> Any:
        while self._conn.is_busy():
            self._wait(select.POLLIN, end)
            self._conn.consume_input()
        return self._conn.get_result()

    def _refusal(self, result: Any) -> RefusedError:
        field = self._pq.DiagnosticField
        sqlstate = (result.error_field(field.SQLSTATE) or b"?????").decode(errors="replace")
        text = result.error_field(field.MESSAGE_PRIMARY) or result.error_message or b"no reason given"
        return RefusedError(one_line(sqlstate), one_line(text.decode(errors="replace"), self._secret))

    def _wait(self, events: int, end: float) -> None:
        left = end - time.monotonic()
        poll = select.poll()
        poll.register(self._conn.socket, events)
        if left <= 0 or not poll.poll(left * 1000):
            raise LostError(SILENCE)


def _rows(result: Any) -> list[Row]:
    columns = range(result.nfields)
    return [tuple(_text(result.get_value(row, column)) for column in columns) for row in range(result.ntuples)]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
