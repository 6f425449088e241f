"""The claims of a process, renewed together: who asks at the same time shares the request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from incumbent import BackendUnavailableError, KeepAlive, Renewal

from ._layout import RENEW
from ._sightings import Guard
from ._store import Store

__all__ = ["Holder", "Renewals"]

#: Of the ttl: how old a renewal may be that serves who comes later, and how long ago the elector of a claim that is
#: renewed along with others has asked at the most: a claim whose engine is silent is to end.
SHARE, SILENT = 1 / 10, 1 / 3
#: Of the ttl: a claim that is older may have been taken over, if the server can have forgotten that; clocks may run
#: 1 % apart.
LAPSED = 0.98


class Holder(Protocol):
    """An elector with a claim, as it is seen here."""

    key: str
    claim: str
    #: When it was asked to renew last, and when the last request was sent that renewed its claim, on the clock.
    asked: float
    evidence: float
    #: Whether it waits for a renewal now.
    waits: bool


class Renewals:
    """All claims of a backend. Thread-safe. Renews nothing by itself."""

    def __init__(self, store: Store, guard: Guard, guard_key: str, ttl: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._guard = guard
        self._guard_key = guard_key
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._holders: set[Holder] = set()
        # Only who asks at the same time shares its renewal; who comes later is served from `Holder.evidence`.
        self._shared: KeepAlive[dict[Holder, bool]] = KeepAlive(
            self._renew, clock, interval=ttl, share=0.0, name="incumbent-redis-renewals"
        )

    def join(self, holder: Holder) -> None:
        """Renew *holder*'s claim from now on, when somebody asks."""
        with self._lock:
            self._holders.add(holder)

    def leave(self, holder: Holder) -> None:
        """Renew it no more."""
        with self._lock:
            self._holders.discard(holder)

    def renewal(self, holder: Holder, after: float) -> tuple[float, bool]:
        """
        Have *holder*'s claim renewed later than *after*; return when that was sent, and whether it is still there.

        Raises:
            ElectionError: Nothing is known.
        """
        holder.waits = True
        try:
            for _ in range(3):  # the first two may have begun before it joined
                if holder.evidence > after and self._clock() - holder.evidence <= SHARE * self._ttl:
                    return holder.evidence, True
                renewal: Renewal[dict[Holder, bool]] = self._shared.renewal(after)
                if renewal.answer.get(holder):
                    return holder.evidence, True  # a little later than its `sent`: else it would serve twice
                if holder in renewal.answer:
                    return renewal.sent, False
                after = renewal.sent
        finally:
            holder.waits = False
        raise BackendUnavailableError("redis: the claim was given up meanwhile")

    def _renew(self) -> dict[Holder, bool]:
        now = self._clock()
        with self._lock:
            due = [holder for holder in self._holders if self._is_due(holder, now)]
        arguments: list[str] = self._guard.arguments()
        for holder in due:
            age = now + self._store.timeout - holder.evidence  # when the answer comes
            arguments += [holder.claim, "lapsed" if age >= LAPSED * self._ttl else "fresh"]

        def read(answer: Any) -> dict[Holder, bool]:
            self._guard.saw(answer[0], answer[1])
            if len(answer) != len(due) + 2:
                raise ValueError
            return {holder: verdict == 1 for holder, verdict in zip(due, answer[2:], strict=True)}

        keys = [self._guard_key, *(holder.key for holder in due)]
        verdicts = self._store.run(RENEW, keys, arguments, read=read, counts=lambda found: any(found.values()))
        for holder, is_there in verdicts.items():
            if is_there:
                holder.evidence = now
        return verdicts

    def _is_due(self, holder: Holder, now: float) -> bool:
        is_near = now - holder.asked < SILENT * self._ttl and now - holder.evidence > SHARE * self._ttl
        return holder.waits or is_near
