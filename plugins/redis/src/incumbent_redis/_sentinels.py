"""Where the primary is, as Sentinels tell it, which may want to know who asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from incumbent import BackendRejectedError, BackendUnavailableError, ElectionError, Endpoint

from ._options import Options, shown
from ._places import Place

if TYPE_CHECKING:
    from ._connection import Wire

__all__ = ["Sentinels"]


class Sentinels:
    """
    Asks one after the other, beginning with the one that answered last. Thread-safe.

    Args:
        options: Where they are, the name of the primary, and who we are to them.
        used: What a connection is used in: what redis-py raises there comes out as the contract's error, and the
            connection is ended afterwards.
    """

    def __init__(self, options: Options, used: Callable[[Wire], AbstractContextManager[None]]) -> None:
        self._options = options
        self._used = used
        self._answering = 0  # the index of the one that answered last

    def primary(self, name: str, deadline: float) -> Endpoint:
        """
        Return where the primary is.

        Args:
            name: As the Sentinels call it.
            deadline: On `time.monotonic`; some of the time until then is left for the primary itself.

        Raises:
            BackendUnavailableError: None of them tells, but one may yet.
            BackendRejectedError: All of them refuse.
        """
        endpoints = self._options.endpoints
        failures: list[ElectionError] = []
        first = self._answering  # another thread may change it meanwhile: one would be asked twice, another not at all
        for turn in range(len(endpoints)):
            index = (first + turn) % len(endpoints)
            left = deadline - time.monotonic()
            # One that is silent must leave time for the next one, and for the primary.
            share = time.monotonic() + left / (len(endpoints) - turn + 1)
            try:
                primary = self._told(endpoints[index], name, share)
            except (BackendUnavailableError, BackendRejectedError) as error:
                failures.append(error)
                continue
            self._answering = index
            return primary
        # Who cannot be reached now might know the primary: only if all refuse, asking again is in vain.
        raise next((error for error in failures if isinstance(error, BackendUnavailableError)), failures[0])

    def _told(self, endpoint: Place, name: str, deadline: float) -> Endpoint:
        from ._connection import Wire  # noqa: PLC0415 - imports redis-py

        wire = Wire(endpoint, self._options, deadline, is_sentinel=True)
        with self._used(wire):
            answer = self._asked(wire, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
            if answer is None:
                raise BackendRejectedError(f"redis {wire}: watches no primary named {shown(name)}")
            host, port = answer
            return Endpoint(host.decode(), int(port))

    def _asked(self, wire: Wire, *words: str) -> Any:
        """Ask; say who we are only to one that wants to know: others would refuse it."""
        from redis.exceptions import AuthenticationError, NoPermissionError  # noqa: PLC0415 - imports redis-py

        user = self._options.sentinel_user
        try:
            return wire.ask(*words)
        except (AuthenticationError, NoPermissionError):
            if user is None:
                raise
        wire.log_in(user)
        return wire.ask(*words)
