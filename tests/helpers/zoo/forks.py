"""Children that go on with what their parents have."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

from incumbent import InvalidStateError

from . import mistaken
from .client import Watch
from .elector import ZooBackend, ZooElector

REFUSED, MEANWHILE = "test_forked_child_is_refused", "test_forked_child_is_refused_during_a_call"
CLOSING = "test_closing_in_a_forked_child_leaves_the_leader"


class Unguarded(ZooBackend):
    """Refuses nobody by itself."""

    def refuse_fork(self):
        pass


class GuardsItself(ZooElector):
    """Remembers by itself where it was made."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.pid = os.getpid()

    def refuse(self):
        if os.getpid() != self.pid:
            raise InvalidStateError("a forked child")

    def acquire_leadership(self):
        self.refuse()
        return super().acquire_leadership()

    def refuse_without_claim(self):
        self.refuse()
        super().refuse_without_claim()

    def observe_leadership(self):
        self.refuse()
        return super().observe_leadership()


@mistaken(REFUSED, MEANWHILE)
class GuardsElectorsOnly(Unguarded):
    """Each elector remembers its process: one that the child makes uses the connection of the parent."""

    elector_class = GuardsItself


class GuardsFromItsFirstCall(GuardsItself):
    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.pid = None

    def refuse(self):
        self.pid = self.pid or os.getpid()
        super().refuse()


@mistaken(REFUSED, MEANWHILE)
class GuardsWhatWasUsed(Unguarded):
    """An elector remembers its process from its first call on: one that was not used yet is not refused."""

    elector_class = GuardsFromItsFirstCall


class ObservesUnguarded(GuardsItself):
    def observe_leadership(self):
        return ZooElector.observe_leadership(self)


@mistaken(REFUSED, MEANWHILE)
class GuardsAllButObserving(Unguarded):
    """A child may observe on the connection of its parent."""

    elector_class = ObservesUnguarded


@contextmanager
def turn(elector):
    lock = elector.__dict__.setdefault("turn", threading.Lock())
    with lock:
        yield


@mistaken(MEANWHILE)
class TakesItsTurnFirst(ZooElector):
    """A lock that another thread held when the process was forked is waited for, and then the process is looked at."""

    def acquire_leadership(self):
        with turn(self):
            return super().acquire_leadership()

    def check_leadership(self):
        with turn(self):
            return super().check_leadership()


@mistaken(MEANWHILE)
class ClosesInItsTurn(TakesItsTurnFirst):
    """Closing in a child waits for a lock that nobody will give back there."""

    def acquire_leadership(self):
        self.backend.refuse_fork()
        return super().acquire_leadership()

    def check_leadership(self):
        self.backend.refuse_fork()
        return super().check_leadership()

    def close(self):
        with turn(self):
            super().close()


@mistaken(CLOSING)
class ClosesUnguarded(ZooElector):
    """Closing in a child gives up the claim of its parent, on the parent's connection."""

    def close(self):
        if not self.is_closed and not self.backend.is_ours():
            self.release_at_the_end()
        super().close()


class ConnectsOnce(Watch):
    PAUSE = 3600.0


@mistaken(
    CLOSING,
)
class EndsTheWatchOfItsParent(ZooBackend):
    """Closing a backend in a child ends the connection on which its parent waits for news, for good."""

    watch_class = ConnectsOnce

    def close(self):
        if not self.is_ours() and self.watch is not None:
            self.watch.connection.close()
        super().close()


@mistaken(CLOSING)
class SaysGoodbyeForItsParent(ZooBackend):
    """Closing a backend in a child ends the connection that it shares with its parent."""

    def close(self):
        if not self.is_ours():
            self.client.close()
        super().close()
