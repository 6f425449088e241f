"""Faults in beginning and ending cleanly."""

import os
import select
import socket
import threading
import time
from contextlib import suppress
from typing import ClassVar

from model_elector import ModelBackend, ModelElector

from incumbent import BackendUnavailableError, InvalidStateError

from . import broken


def leave_a_thread(store):
    """Start a thread that nobody ends while the suite runs."""
    over = threading.Event()
    store.at_end.callback(over.set)
    threading.Thread(target=over.wait, daemon=True).start()


def leave_a_descriptor(store):
    """Open a file that nobody closes while the suite runs."""
    store.at_end.callback(os.close, os.open(os.devnull, os.O_RDONLY))


@broken("test_making_an_elector_starts_nothing")
class StartsAThreadAtOnce(ModelElector):
    """Making an elector starts a thread."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.over = threading.Event()
        self.store.at_end.callback(self.over.set)
        self.thread = threading.Thread(target=self.over.wait, daemon=True)
        self.thread.start()

    def close(self):
        self.over.set()
        self.thread.join()
        super().close()


@broken("test_making_an_elector_starts_nothing")
class OpensAFileAtOnce(ModelElector):
    """Making an elector opens a file."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.file = os.fdopen(os.open(os.devnull, os.O_RDONLY))
        self.store.at_end.callback(self.file.close)

    def close(self):
        self.file.close()
        super().close()


@broken("test_closing_leaves_no_thread", "test_closing_after_an_outage_leaves_nothing")
class LeavesAThread(ModelElector):
    """A thread outlives its elector."""

    def acquire_leadership(self):
        leave_a_thread(self.store)
        return super().acquire_leadership()


@broken("test_closing_leaves_no_descriptor", "test_closing_after_an_outage_leaves_nothing")
class LeavesADescriptor(ModelElector):
    """A file stays open."""

    def acquire_leadership(self):
        leave_a_descriptor(self.store)
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

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        backend.electors = getattr(backend, "electors", 0) + 1

    def ask(self, act):
        if getattr(self.backend, "busy", False):
            raise RuntimeError("the connection is busy")
        self.backend.busy = True
        try:
            time.sleep(0.02 if self.backend.electors > 2 else 0.0)  # so long that calls at once do meet
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
            self.pipes[self.key] = [os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)]
            for end in self.pipes[self.key]:
                self.store.at_end.callback(end.close)
        return super().enter()

    def leave(self):
        was_mine = super().leave()
        if self.store.ballot(self.key).leader is None:
            self.is_open_elsewhere()
        return was_mine

    def is_open_elsewhere(self):
        """Close our end, which is enough if nobody else has it open."""
        if self.key not in self.pipes:
            return False
        reading, writing = self.pipes[self.key]
        writing.close()
        poll = select.poll()  # `select.select` takes no descriptor above 1023
        poll.register(reading, select.POLLIN)
        if poll.poll(0):  # the end of the file: it has no writer any more
            reading.close()
            del self.pipes[self.key]
            return False
        return True


@broken("test_closing_after_an_outage_leaves_nothing")
class AnOutageLeavesADescriptor(ModelElector):
    """A connection that timed out is replaced, and never closed."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendUnavailableError:
            leave_a_descriptor(self.store)
            raise


@broken("test_closing_after_an_outage_leaves_nothing")
class AnOutageLeavesAThread(ModelElector):
    """The thread that made a call which timed out is never ended."""

    def ask(self, act):
        try:
            return super().ask(act)
        except BackendUnavailableError:
            if self.store.frozen:
                leave_a_thread(self.store)
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
                self.store.at_end.callback(end.close)  # of who is not closed
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
