"""News that do not come, or not to all."""

from __future__ import annotations

import time
from contextlib import suppress

from incumbent import BackendUnavailableError

from . import mistaken
from .client import RefusedError, Watch
from .elector import ZooBackend, ZooElector

EACH, NAMESAKES = "test_each_listener_is_told", "test_namesakes_tell_each_other"
SILENCE = "test_hand_over_after_a_silence_is_told"


class WatchesForATime(Watch):
    """Ends when nothing has come for a while."""

    def run(self):
        with suppress(OSError, ValueError, RefusedError):
            self.listen()

    def seconds(self):
        return self.every

    def listen(self):
        connection = self.client.connect(time.monotonic() + self.client.timeout)
        with self.lock:
            self.connection = connection
        connection.ask({"do": "watch", "session": self.session}, time.monotonic() + self.client.timeout)
        self.changed(None)
        while not self.over.is_set():
            self.changed(connection.receive(time.monotonic() + self.seconds())["changed"])


class WatchesForATtl(WatchesForATime):
    pass


class WatchesForATimeout(WatchesForATime):
    def seconds(self):
        return self.client.timeout


@mistaken(SILENCE)
class IsDeafAfterATtl(ZooBackend):
    """The watch ends when nothing has come for a ttl."""

    watch_class = WatchesForATtl


@mistaken(
    SILENCE,
)
class IsDeafAfterATimeout(ZooBackend):
    """The watch has the timeout of a request, and ends with it."""

    watch_class = WatchesForATimeout


@mistaken("test_hand_over_after_a_freeze_is_told")
class IsDeafAfterAnOutage(ZooBackend):
    """A request without an answer ends the watch, and nobody sets it again."""

    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except BackendUnavailableError:
            if self.watch is not None:
                self.watch.close()
            raise


@mistaken(EACH, NAMESAKES)
class TellsTheLastOne(ZooBackend):
    """Who listens is known by the election's name: of several electors of a backend the last one is told."""

    def changed(self, election):
        with self.lock:
            told = {elector.key: elector for elector in self.electors if election in {None, elector.key}}
        for elector in told.values():
            elector.changed()


@mistaken(EACH)
class ClosingOneEndsTheWatch(ZooBackend):
    """An elector that is closed takes the watch with it, which all of the backend share."""

    def forget(self, elector):
        super().forget(elector)
        if self.watch is not None:
            self.watch.close()


@mistaken(EACH)
class ClosingOneForgetsAll(ZooBackend):
    """An elector that is closed takes with it all that listen to its election on that backend."""

    def forget(self, elector):
        with self.lock:
            self.electors = {other for other in self.electors if other.key != elector.key}


@mistaken(EACH, NAMESAKES)
class IgnoresItsOwn(ZooBackend):
    """What an elector of the same backend has done is not told."""

    def ask(self, do, **fields):
        done = self.__dict__.setdefault("done", set())
        if do == "claim":
            done.discard(fields["election"])
        if do == "release":
            done.add(fields["election"])
        return super().ask(do, **fields)

    def changed(self, election):
        if election not in self.__dict__.get("done", ()):
            super().changed(election)


@mistaken("test_successor_is_told_to_the_leader")
class LeadersAreDeaf(ZooElector):
    """Who leads is not told anything."""

    def changed(self):
        if self.token is None:
            super().changed()


@mistaken("test_end_is_told_to_watchers")
class WatchersAreToldOnce(ZooElector):
    """Who only observes is told once."""

    def observe_leadership(self):
        self.observes = True
        return super().observe_leadership()

    def changed(self):
        told = self.__dict__.setdefault("told", [])
        record = self.backend.client.ask("show", election=self.key)["leader"]
        if self.__dict__.get("observes") and record is None:
            told.append(1)
            if len(told) > 1:
                return
        super().changed()
