"""Stores that can compare and set, in this process: they note what they are asked, and lose answers if told to."""

from __future__ import annotations

from dataclasses import replace

from incumbent import Address, BackendSettings, BackendUnavailableError, Capabilities, no, yes
from incumbent.testing import FakeClock
from incumbent.toolkit import BackendBase, BeatElector, Beats, BeatStore, CompareAndSetStore, Record

__all__ = ["TTL", "DictStore", "FewBytes", "SharingStore", "Stage"]

TTL = 10.0
CAPABILITIES = Capabilities(
    push=yes(),
    observe=yes(),
    candidates=no("not listed"),
    fencing_across_restarts=yes(),
    expiry=yes(),
    interoperates=no("of its own"),
)


class DictStore(BeatStore):
    """Each operation is one step. `loses` answers after doing, `drops` requests before."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.records: dict[str, Record] = {}
        self.asked: list[str] = []
        self.last = 0
        self.loses = self.drops = False
        #: How long each request takes.
        self.takes = 0.0
        self.closed = 0

    def _asked(self, what):
        self.clock.advance(self.takes / 2)
        self.asked.append(what)
        if self.drops:
            raise BackendUnavailableError("dropped")

    def _answered(self, answer):
        self.clock.advance(self.takes / 2)
        if self.loses:
            raise BackendUnavailableError("the answer was lost")
        return answer

    def beat(self, lock_id):
        record = self.records[lock_id]
        self.records[lock_id] = replace(record, beat=str(int(record.beat) + 1))

    def read(self, lock_ids):
        self._asked("read")
        return self._answered({lock_id: self.records[lock_id] for lock_id in lock_ids if lock_id in self.records})

    def claim(self, lock_id, owner, candidate, silent):
        self._asked("claim")
        there = self.records.get(lock_id)
        is_silent = silent is not None and there is not None and there.beat == silent.beat
        if there is None or is_silent:
            self.last += 1
            self.records[lock_id] = Record(owner, "0", TTL, self.last, candidate, since=1.0)
        elif there.owner == owner:
            self.beat(lock_id)
        return self._answered(self.records[lock_id])

    def renew(self, held):
        self._asked("renew")
        there = [one for one in held if one.lock_id in self.records and self.records[one.lock_id].owner == one.owner]
        for one in there:
            self.beat(one.lock_id)
        return self._answered(there)

    def release(self, lock_id, owner):
        self._asked("release")
        was_there = lock_id in self.records and self.records[lock_id].owner == owner
        if was_there:
            del self.records[lock_id]
        return self._answered(was_there)

    def close(self):
        self.closed += 1


class SharingStore(DictStore):
    """One request renews many."""

    share = 0.1


class FewBytes(CompareAndSetStore):
    """Keeps bytes with a version. Before each `put`, `before` is done once."""

    def __init__(self):
        super().__init__(TTL)
        self.kept: dict[str, tuple[bytes, str]] = {}
        self.version = 0
        self.before = self.after = None

    def get(self, lock_id):
        return self.kept.get(lock_id)

    def put(self, lock_id, content, version):
        before, self.before = self.before, None
        if before is not None:
            before()
        if (self.kept[lock_id][1] if lock_id in self.kept else None) != version:
            return False
        self.version += 1
        self.kept[lock_id] = content, str(self.version)
        after, self.after = self.after, None
        if after is not None:
            after()
        return True


class _Backend(BackendBase):
    capabilities = CAPABILITIES

    def __init__(self, beats):
        super().__init__(Address.parse("dict://"), beats.settings)
        self.beats = beats

    def _elector(self, lock_id, candidate):
        return BeatElector(lock_id, candidate, self, self.beats)

    def _end(self):
        self.close_electors()


class Stage:
    """Backends on one store, each with its own electors and sightings, all on one clock that a test moves."""

    def __init__(self, store=DictStore):
        self.clock = FakeClock()
        self.store = store(self.clock)

    def backend(self):
        settings = BackendSettings(TTL, 1.0, self.clock.now)
        return _Backend(Beats(self.store, settings))

    def elector(self, candidate="a", lock_id="job"):
        elector = self.backend().elector(lock_id, candidate)
        elector.news = 0

        def notify():
            elector.news += 1

        elector.notify = notify
        return elector
