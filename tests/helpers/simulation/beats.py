"""Servers that can compare and set; and on them the elector of the toolkit, as it is shipped, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from random import Random
from typing import Any

from incumbent import Address, BackendSettings, BackendUnavailableError
from incumbent.toolkit import BackendBase, BeatElector, Beats, BeatStore, CompareAndSetStore, Record
from incumbent.toolkit.beat_cas import _record

from .network import Network
from .process import Process
from .stores import Store
from .world import World

__all__ = ["BeatServer", "PlainServer", "SimulatedBeatElector", "beat_server"]

#: Of the ttl: an older claim may have been taken over where the server has forgotten that; clocks run 1 % apart.
LAPSED = 0.98


class BeatServer(Store):
    """
    Does each of the four operations in one step.

    Args:
        forgets: A fail-over may bring back older records, or none; then nobody is elected for a ttl. Else it keeps all.
    """

    patience = 2.0  # of waiters: one ttl for what a restart has forgotten, and one for a leader that died

    def __init__(self, world: World, ttl: float, rate: float, *, forgets: bool) -> None:
        super().__init__(world, ttl, rate)
        self.forgets = forgets
        self.record: Record | None = None
        #: Which run of the server this is, and whether nothing that it may have forgotten is believed any more.
        self.run, self.is_proven = 0, not forgets
        #: In which run the present record was granted: later on, others may have led and be forgotten.
        self.granted_in = 0
        self.last = 0
        self.renewed = -inf
        self.electors: list[SimulatedBeatElector] = []
        self._beats = 0
        self._past: list[tuple[float, Record | None, int, int]] = []

    # ------------------------------------------------------------ what clients ask

    def show(self) -> Record | None:
        """Return the record as it is read; one of nobody, if the real one may be forgotten."""
        if self.record is not None:
            return replace(self.record, beat=f"{self.run}/{self.record.owner}/{self.record.beat}")
        return None if self.is_proven else Record("", f"{self.run}/", self.ttl)

    def claim(self, owner: str, candidate: str, silent: Record | None) -> Record | None:
        """See `BeatStore.claim`."""
        there = self.show()
        is_silent = silent is not None and there is not None and self.is_same(there, silent)
        self.is_proven = self.is_proven or is_silent
        if there is not None and not self.is_proven:
            return replace(there, owner="")  # nobody is elected, not even whose record is there
        if there is not None and there.owner != owner and not is_silent:
            return there
        if self.record is None or self.record.owner != owner or self.granted_in != self.run:
            self.last = max(self.last + 1, int(self.now() * 1e6))
            self.granted_in = self.run
            self.grants[self.last] = owner
            self._put(Record(owner, "", self.ttl, self.last, candidate))
            self.changed()
        self._put(self.record)
        return self.show()

    def is_same(self, there: Record, silent: Record) -> bool:
        """Tell whether it has not been renewed since it was seen."""
        return there.beat == silent.beat

    def renew_record(self, owner: str, age: float) -> bool:
        """See `BeatStore.renew`; *age* is that of the claim when the answer comes."""
        if self.record is None or self.record.owner != owner:
            return False
        if not self.is_proven and age >= LAPSED * self.ttl:
            self._put(None)
            self.changed()
            return False
        self._put(self.record)
        return True

    def release(self, owner: str) -> bool:
        """See `BeatStore.release`."""
        if self.record is None or self.record.owner != owner:
            return False
        self._put(None)
        self.changed()
        return True

    def execute(self, testament: str) -> bool:
        """Delete the record of that owner."""
        return self.release(testament)

    def _put(self, record: Record | None) -> None:
        self._past = [past for past in self._past if past[0] > self.world.now - 4 * self.ttl]
        self._past.append((self.world.now, self.record, self.last, self._beats))
        self._beats += 1
        self.record = record and replace(record, beat=str(self._beats))
        self.renewed = self.world.now

    # ------------------------------------------------------------ what happens to it

    def fail_over(self) -> None:
        """Let another server take over: it may have older records, and begins a run of its own."""
        self.world.say("server", "fails over")
        self.run += 1
        if self.forgets:
            self.is_proven = False
            self.world.after(0, self.changed)
            random = self.world.random
            if random.random() < 0.3:
                self.record, self.last, self._beats = None, 0, 0
            elif random.random() < 0.6 and self._past:
                _, self.record, self.last, self._beats = random.choice(self._past)

    def alive(self) -> list[str]:
        """Nothing can be revoked: there are no leases or sessions."""
        return []

    def delete(self) -> None:
        """Delete the record, as an operator does."""
        if self.show() is not None:
            self._delete()
            self.changed()

    def _delete(self) -> None:
        self.record = None

    # ------------------------------------------------------------ what the watchdog asks

    def protected_until(self, owner: str) -> float:
        """Return until when nobody but *owner* can be elected, if nobody renews anything from now on; virtual time."""
        there = self.show()
        if there is None or (there.owner != owner and self.is_proven):
            return -1.0
        waiting = [elector for elector in self.electors if owner not in elector.owners]
        return min((elector.takes_over(there) for elector in waiting), default=inf)

    def empty(self) -> bool:
        """Tell whether nothing is left but what is nobody's: a silent record, until somebody takes it over."""
        return self.show() is None or self.world.now - self.renewed > 2 * self.ttl


class PlainServer(BeatServer):
    """Keeps bytes with a version: everything else is `CompareAndSetStore`'s, in several requests."""

    def __init__(self, world: World, ttl: float, rate: float) -> None:
        super().__init__(world, ttl, rate, forgets=False)
        self.kept: tuple[bytes, str] | None = None

    def show(self) -> Record | None:
        record = None if self.kept is None else _record(self.kept[0])
        return record if record is not None and record.owner else None

    def put(self, content: bytes, version: str | None) -> bool:
        """See `CompareAndSetStore.put`."""
        if version != (None if self.kept is None else self.kept[1]):
            return False
        was = self.show()
        self.revision += 1
        self.kept = content, str(self.revision)
        self.renewed = self.world.now
        record = self.show()
        if record is not None:
            self.grants[record.token] = record.owner
        if (record is None) != (was is None):
            self.changed()
        return True

    def draw(self) -> int:
        """See `CompareAndSetStore.draw`."""
        self.last += 1
        return self.last

    def execute(self, testament: str) -> bool:
        """Delete what that owner has, as a client does."""
        return _PlainClient(lambda act: act(), self, self.ttl).release("job", testament)

    def _delete(self) -> None:
        self.kept = None


# ---------------------------------------------------------------- the clients


class _Client(BeatStore):
    """Each operation is one request."""

    def __init__(self, ask: Callable[[Callable[[], Any]], Any], server: BeatServer, elector: SimulatedBeatElector):
        self._ask = ask
        self._server = server
        self._elector = elector

    def read(self, lock_ids):
        record = self._ask(self._server.show)
        return {} if record is None else dict.fromkeys(lock_ids, record)

    def claim(self, lock_id, owner, candidate, silent):
        return self._ask(lambda: self._server.claim(owner, candidate, silent))

    def renew(self, held):
        (one,) = held
        age = self._elector.process.now() + self._elector.timeout - one.sent
        return held if self._ask(lambda: self._server.renew_record(one.owner, age)) else []

    def release(self, lock_id, owner):
        return self._ask(lambda: self._server.release(owner))


class _SharingClient(_Client):
    """One request renews all that are due."""

    share = 0.1


class _PlainClient(CompareAndSetStore):
    """On two requests, get and put."""

    def __init__(self, ask: Callable[[Callable[[], Any]], Any], server: PlainServer, ttl: float) -> None:
        super().__init__(ttl)
        self._ask = ask
        self._server = server

    def get(self, lock_id):
        return self._ask(lambda: self._server.kept)

    def put(self, lock_id, content, version):
        return self._ask(lambda: self._server.put(content, version))

    def draw(self):
        return self._ask(self._server.draw)


class _Backend(BackendBase):
    """What the elector knows its settings from."""

    def _elector(self, lock_id, candidate):
        raise NotImplementedError

    def _end(self):
        raise NotImplementedError


class SimulatedBeatElector(BeatElector):
    """The elector that is shipped, with a task of its process in place of the thread that looks."""

    def __init__(self, process: Process, network: Network, server: BeatServer, timeout: float, capabilities) -> None:
        self.process = process
        self.network = network
        self.timeout = timeout
        self.busy = False
        #: Every name that its terms had.
        self.owners: list[str] = []
        self._server = server
        settings = BackendSettings(server.ttl, timeout, process.now)
        store: BeatStore
        if isinstance(server, PlainServer):
            store = _PlainClient(self._ask, server, server.ttl)
        else:
            store = (_SharingClient if len(server.electors) % 2 else _Client)(self._ask, server, self)
        kind = type("Backend", (_Backend,), {"capabilities": capabilities})
        backend = kind(Address.parse("beat://"), settings)
        super().__init__("job", process.name, backend, Beats(store, settings))
        server.electors.append(self)
        server.watchers.append(self._changed)
        process.spawn(self._look)

    @property
    def token(self) -> int | None:
        """That of the claim that it holds."""
        return self._token

    def takes_over(self, record: Record) -> float:
        """Return when it may take *record* over, should nothing change; virtual time."""
        if not self.process.alive:
            return inf
        left = min(self._beats.sightings.left("job", record), record.ttl)
        return self.process.world.now + left / self.process.rate

    def close(self) -> None:
        super().close()
        if self._changed in self._server.watchers:
            self._server.watchers.remove(self._changed)

    def _campaign(self):
        if self.owner not in self.owners:
            self.owners.append(self.owner)
        return super()._campaign()

    def _ask(self, act: Callable[[], Any]) -> Any:
        return self.network.request(self.process, act, self.timeout)

    def _changed(self) -> None:
        there = self._server.show()
        owner = there and there.owner
        self.network.news(self.process, lambda: self._beats.tell("job", is_free=owner is None, owner=owner))

    def _look(self) -> None:
        while not self._closed:
            try:
                pause = self._beats.look()
            except BackendUnavailableError:
                pause = None
            self.process.sleep(self._beats.interval if pause is None else pause)


def beat_server(world: World, seed: int, ttl: float, rate: float) -> BeatServer:
    """Make one of the servers."""
    kind = Random(f"beat of {seed}").randrange(3)
    return PlainServer(world, ttl, rate) if kind == 0 else BeatServer(world, ttl, rate, forgets=kind == 2)
