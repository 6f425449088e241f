"""Faults in beginning and ending cleanly."""

import os
import select
import socket
import threading
import time
import weakref
from contextlib import suppress
from typing import ClassVar

from model_elector import ModelBackend, ModelElector

from incumbent import BackendUnavailableError, InvalidStateError

from . import broken


@broken("test_making_an_elector_starts_nothing")
class StartsAThreadAtOnce(ModelElector):
    """Making an elector starts a thread."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        stop = threading.Event()
        self.stop = weakref.finalize(self, stop.set)
        self.thread = threading.Thread(target=stop.wait, daemon=True)
        self.thread.start()

    def close(self):
        self.stop()
        self.thread.join()
        super().close()


@broken("test_making_an_elector_starts_nothing")
class OpensAFileAtOnce(ModelElector):
    """Making an elector opens a file."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.file = weakref.finalize(self, os.close, os.open(os.devnull, os.O_RDONLY))

    def close(self):
        self.file()
        super().close()


@broken("test_closing_leaves_no_thread", "test_closing_after_an_outage_leaves_nothing")
class LeavesAThread(ModelElector):
    """A thread outlives its elector."""

    def acquire_leadership(self):
        thread = threading.Thread(target=time.sleep, args=(10.0,), daemon=True)
        thread.start()
        return super().acquire_leadership()


@broken("test_closing_leaves_no_descriptor", "test_closing_after_an_outage_leaves_nothing")
class LeavesADescriptor(ModelElector):
    """A file stays open."""

    def acquire_leadership(self):
        self.store.left.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        return super().acquire_leadership()


@broken("test_closing_twice_is_harmless")
class ClosingTwiceFails(ModelElector):
    """Closing an elector again is an error."""

    def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        super().close()


@broken("test_closing_twice_is_harmless")
class ClosingTheBackendTwiceFails(ModelBackend):
    """Closing a backend again is an error."""

    closed = False

    def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@broken("test_closing_unused_is_harmless")
class ClosingUnusedFails(ModelElector):
    """Closing an elector that was never called is an error."""

    def close(self):
        self.connection.clear()
        super().close()

    def ask(self, act):
        self.connection = []
        return super().ask(act)


@broken("test_closing_what_is_lost_leaves_the_successor", "test_closing_after_a_loss_is_harmless")
class ClosingAfterALossFails(ModelElector):
    """Closing an elector whose claim is gone is an error."""

    def close(self):
        lost = False
        with suppress(BackendUnavailableError, InvalidStateError):
            lost = self.claim is not None and not self.ask(self.renew)
        super().close()
        if lost:
            raise RuntimeError("where has it gone?")


@broken("test_electors_of_one_backend_are_called_at_once")
class CannotBeSharedByThreads(ModelElector):
    """Two calls at once into one backend disturb each other."""

    def ask(self, act):
        if getattr(self.backend, "busy", False):
            raise RuntimeError("the connection is busy")
        self.backend.busy = True
        try:
            time.sleep(0.001)
            return super().ask(act)
        finally:
            self.backend.busy = False


@broken("test_forked_child_does_not_keep_the_claim")
class AForkKeepsTheClaim(ModelElector):
    """The claim lasts as long as a pipe is open for writing: a forked child has it open too."""

    pipes: ClassVar = {}

    def enter(self):
        ballot = self.store.ballot(self.key)
        if ballot.leader is None:
            if self.is_open_elsewhere():
                ballot.places[self.owner] = self.candidate
                return None
            self.pipes[self.key] = os.pipe()
        return super().enter()

    def leave(self):
        was_mine = super().leave()
        if self.store.ballot(self.key).leader is None:
            self.is_open_elsewhere()
        return was_mine

    def is_open_elsewhere(self):
        """Close our end, which is enough if nobody else has it open."""
        reading, writing = self.pipes.pop(self.key, (None, None))
        if writing is not None:
            os.close(writing)
        if reading is None:
            return False
        end = select.poll()  # `select` takes no descriptor beyond 1,023, and other electors may have left many
        end.register(reading, select.POLLIN)
        if end.poll(0):  # the end of the file: it has no writer any more
            os.close(reading)
            return False
        self.pipes[self.key] = reading, None
        return True


@broken("test_closing_after_an_outage_leaves_nothing")
class AnOutageLeavesADescriptor(ModelElector):
    """A connection that timed out is replaced, and never closed."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendUnavailableError:
            self.store.left.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            raise


@broken("test_closing_after_an_outage_leaves_nothing")
class AnOutageLeavesAThread(ModelElector):
    """The thread that made a call which timed out is never ended."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendUnavailableError:
            if self.store.frozen:
                threading.Thread(target=time.sleep, args=(10.0,), daemon=True).start()
            raise


@broken("test_forked_child_is_refused")
class AForkLeadsToo(ModelElector):
    """A forked child goes on with the connection and the claim of its parent."""

    def refuse_fork(self):
        pass


@broken("test_forked_child_is_refused")
class AForkIsAnOutage(ModelElector):
    """A forked child is told that the store does not answer, and asks for ever."""

    def refuse_fork(self):
        if os.getpid() != self.pid:
            raise BackendUnavailableError("not my connection")


@broken("test_closing_in_a_forked_child_leaves_the_leader")
class ClosingInAForkSaysGoodbye(ModelElector):
    """Closing in a forked child ends the connection that it shares with its parent."""

    connection = None

    def ask(self, act):
        if self.connection is None:
            self.connection = socket.socketpair()
            for end in self.connection:
                weakref.finalize(self, end.close)  # of who is not closed
        try:
            self.connection[0].send(b".")
            self.connection[1].recv(1)
        except OSError as error:
            raise BackendUnavailableError("the connection is broken") from error
        return super().ask(act)

    def close(self):
        if self.connection is not None:
            for end in self.connection:
                if os.getpid() != self.pid:
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self.connection = None
        super().close()
