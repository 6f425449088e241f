"""Faults in beginning and ending cleanly."""

import fcntl
import os
import tempfile
import threading
import time
import weakref

from model_elector import ModelBackend, ModelElector

from . import broken


@broken()
class StartsAThreadAtOnce(ModelElector):
    """Making an elector starts a thread."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.stop.wait, daemon=True)
        self.thread.start()

    def close(self):
        self.stop.set()
        self.thread.join()
        super().close()


@broken()
class OpensAFileAtOnce(ModelElector):
    """Making an elector opens a file."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.file = open(os.devnull)

    def close(self):
        self.file.close()
        super().close()


@broken()
class LeavesAThread(ModelElector):
    """A thread outlives its elector."""

    def acquire_leadership(self):
        thread = threading.Thread(target=time.sleep, args=(10.0,), daemon=True)
        thread.start()
        return super().acquire_leadership()


@broken()
class LeavesADescriptor(ModelElector):
    """A file stays open."""

    def acquire_leadership(self):
        weakref.finalize(self.store, os.close, os.open(os.devnull, os.O_RDONLY))
        return super().acquire_leadership()


@broken()
class ClosingTwiceFails(ModelElector):
    """Closing an elector again is an error."""

    def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        super().close()


@broken()
class ClosingTheBackendTwiceFails(ModelBackend):
    """Closing a backend again is an error."""

    closed = False

    def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@broken()
class ClosingUnusedFails(ModelElector):
    """Closing an elector that was never called is an error."""

    def close(self):
        self.connection.clear()
        super().close()

    def ask(self, act):
        self.connection = []
        return super().ask(act)


@broken()
class ClosingAfterALossFails(ModelElector):
    """Closing an elector whose claim is gone is an error."""

    def close(self):
        lost = self.claim is not None and not self.ask(self.renew)
        super().close()
        if lost:
            raise RuntimeError("where has it gone?")


@broken()
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


@broken()
class AForkKeepsTheClaim(ModelElector):
    """The claim is an open file, and giving it up only closes our descriptor of it."""

    descriptor = None

    def acquire_leadership(self):
        if self.claim is None:
            name = self.lock_id.replace("/", "-")[:100]
            descriptor = os.open(os.path.join(tempfile.gettempdir(), f"{name}.lock"), os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            claim = super().acquire_leadership()
            if claim is None:
                os.close(descriptor)
            else:
                self.descriptor = descriptor
        return self.claim
