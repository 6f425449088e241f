"""The server as all electors of a backend see it: a few connections to the primary, wherever that is now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from incumbent import (
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    ElectionError,
)
from incumbent.toolkit import ProcessBound, deadline

from ._layout import Script
from ._options import Options, shown
from ._sentinels import Sentinels

if TYPE_CHECKING:
    from ._connection import Wire

__all__ = ["Store", "parsed_info"]

T = TypeVar("T")

#: Connections that are used at the same time, besides the one for news.
MOST = 4
#: Of INFO, what shows whether elections can be held on a server.
SECTIONS = ("server", "replication", "memory")
#: Of the time that is left, what WAIT may take, so that its answer still arrives.
SHARE_OF_WAIT = 0.8


class Store(ProcessBound):
    """
    Runs scripts on the primary. Connects when first used. Thread-safe.

    Args:
        options: Where and how.
        timeout: Seconds that a request may take as a whole: finding the primary, connecting, asking and waiting.
    """

    def __init__(self, options: Options, timeout: float) -> None:
        super().__init__()
        self.options = options
        self.timeout = timeout
        self._room = threading.Semaphore(MOST)
        self._lock = threading.Lock()
        self._idle: list[Wire] = []
        self._wires: set[Wire] = set()
        self._closed = False
        self._sentinels = Sentinels(options, self._briefly)

    def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[str | bytes] = (),
        *,
        read: Callable[[Any], T],
        counts: Callable[[T], bool] = lambda _: False,
    ) -> T:
        """
        Run *script*, and return what *read* makes of its answer.

        Args:
            script: One atomic step.
            keys: Its KEYS.
            arguments: Its ARGV.
            read: What it raises means that the answer makes no sense.
            counts: Tells of an answer whether the replicas must have what was written before it counts.

        Raises:
            BackendUnavailableError: There is no answer, but the script may have run.
            BackendRejectedError: The server refuses.
        """
        with self.lent() as wire:
            answer = read(_evaluate(wire, script, keys, arguments))
            if self.options.replicas and counts(answer):
                self._spread(wire)
            return answer

    def _spread(self, wire: Wire) -> None:
        wanted = self.options.replicas
        reached = wire.ask("WAIT", wanted, max(1, int(wire.left() * SHARE_OF_WAIT * 1000)))
        if reached < wanted:
            raise BackendUnavailableError(f"redis {wire}: {reached} of {wanted} replicas have the claim")

    # ------------------------------------------------------------ connections

    def deadline(self) -> float:
        """Return when a request that begins now must have ended; loading redis-py is no part of the first one."""
        from ._connection import Wire  # noqa: F401, PLC0415 - imports redis-py

        return deadline(self.timeout)

    @contextmanager
    def lent(self) -> Iterator[Wire]:
        """Lend a connection to the primary; what redis-py raises in the block comes out as the contract's error."""
        self.check_process()
        end = self.deadline()
        if not self._room.acquire(timeout=max(0.0, end - time.monotonic())):
            raise BackendUnavailableError(f"redis: no answer within {self.timeout:g} s: earlier requests wait for one")
        try:
            wire = self._reusable(end) or self.open(end)
            with self.translating(wire):
                yield wire
            with self._lock:
                if not self._closed:
                    self._idle.append(wire)
                    return
            self.drop(wire)
        finally:
            self._room.release()

    def open(self, end: float) -> Wire:
        """
        Connect to the primary, and see that elections can be held there.

        Args:
            end: When that must have ended, on `time.monotonic`.

        Raises:
            ElectionError: It cannot be reached, is not the primary, or cannot be used.
        """
        from ._connection import Wire  # noqa: PLC0415 - imports redis-py

        self.check_process()
        name = self.options.sentinel
        primary = self.options.endpoints[0] if name is None else self._sentinels.primary(name, end)
        wire = Wire(primary, self.options, end)
        with self._registered(wire), self.translating(wire):
            self.options.check_exposure(primary, self.options.user)  # it may be on another host than who told us
            info: dict[str, str] = {}
            for section in SECTIONS:
                wire.send("INFO", section)
            for _ in SECTIONS:
                info |= parsed_info(wire.read_response())
            _check(wire, info)
            wire.is_proven = True
        return wire

    def drop(self, wire: Wire) -> None:
        """End a connection."""
        with self._lock:
            self._wires.discard(wire)
        wire.end()

    def close(self) -> None:
        """End all connections, and every request that is out. Idempotent. In a forked child, nothing is touched."""
        if self.is_foreign:
            return
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            wires = self._wires.difference(idle)
        for wire in idle:
            self.drop(wire)
        for wire in wires:
            wire.abort()  # its user drops it

    def _reusable(self, end: float) -> Wire | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                wire = self._idle.pop()
            wire.deadline = end
            with suppress(Exception):  # whatever redis-py raises for a connection that has ended
                if not wire.can_read(0):
                    return wire
            self.drop(wire)

    @contextmanager
    def translating(self, wire: Wire) -> Iterator[None]:
        """Drop *wire* if the block fails, and all that are idle too, for they will be as dead."""
        from ._errors import translated  # noqa: PLC0415 - imports redis-py

        try:
            yield
        except Exception as error:
            self.drop(wire)
            if time.monotonic() >= wire.deadline:
                wire.distrust()
            with self._lock:
                idle, self._idle = self._idle, []
            for other in idle:
                self.drop(other)
            if isinstance(error, ConfigurationError):  # a file that secures the connection
                raise BackendRejectedError(str(error)) from None
            if isinstance(error, ElectionError):
                raise
            if self._closed:
                raise BackendUnavailableError("redis: the backend is closed") from None
            secrets = self.options.secrets
            made = translated(error, wire, self.timeout, secrets, of_sentinel=wire.is_sentinel, doubt=wire.doubt)
            raise made from (None if any(secret in repr(error) for secret in secrets) else error)
        except BaseException:  # Ctrl-C: the answer would be taken for that of the next request
            self.drop(wire)
            raise

    @contextmanager
    def _registered(self, wire: Wire) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise BackendUnavailableError("redis: the backend is closed")
            self._wires.add(wire)
        yield

    @contextmanager
    def _briefly(self, wire: Wire) -> Iterator[None]:
        """Use *wire* for what is in the block, and end it."""
        with self._registered(wire), self.translating(wire):
            yield
        self.drop(wire)


def parsed_info(answer: bytes) -> dict[str, str]:
    """Return what INFO has answered."""
    lines = (line.partition(":") for line in answer.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _evaluate(wire: Wire, script: Script, keys: Sequence[str], arguments: Sequence[str | bytes]) -> Any:
    from redis.exceptions import NoScriptError  # noqa: PLC0415 - as late as possible

    try:
        return wire.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
    except NoScriptError:  # of a server that has been restarted, or promoted
        pass
    return wire.ask("EVAL", script.text, len(keys), *keys, *arguments)


def _check(wire: Wire, info: dict[str, str]) -> None:
    from ._errors import REPLICA, SENTINEL  # noqa: PLC0415 - imports redis-py

    if info.get("redis_mode", info.get("server_mode")) == "sentinel":
        raise BackendRejectedError(f"redis {wire}: {SENTINEL}")
    if info.get("role") == "slave":
        wire.distrust()  # another address of the same name may be the primary's
        raise BackendUnavailableError(f"redis {wire}: {REPLICA}: give the primary, or option sentinel")
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory", "0") != "0" and policy.startswith("allkeys-"):
        # A leader's claim would vanish under it, and another candidate would lead beside it (P1).
        raise BackendRejectedError(
            f"redis {wire}: maxmemory-policy {shown(policy)[1:-1]} lets claims vanish: use noeviction or volatile-*"
        )
