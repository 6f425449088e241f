"""The terminal: which process group may read from it, so that an interactive command works as if run directly."""

from __future__ import annotations

import contextlib
import os
import signal
import stat

from ._processes import signal_group


class Terminal:
    """The controlling terminal of this session, while the wrapper's process group is in its foreground."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        #: The wrapper's process group, also in the processes forked from it.
        self.owner = os.getpgrp()

    @classmethod
    def open(cls) -> Terminal | None:
        """
        Return the terminal if the command is to have it: stdin is it, and no pipe stands beside us.

        In `incumbent run … | less` the foreground belongs to all of the pipeline: it is not ours to give.
        """
        try:
            if not os.isatty(0) or stat.S_ISFIFO(os.fstat(1).st_mode):
                return None
            return cls(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
        except OSError:  # stdin or stdout is closed, or the terminal is not the one that controls us
            return None

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def give(self, group: int) -> None:
        """Put *group* into the foreground, if the wrapper is there: a background job has nothing to give."""
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(self._descriptor) == self.owner:
                self._set(group)

    def take_back(self) -> None:
        """Put the wrapper into the foreground, if who is there is dead: a shell that took it keeps it."""
        with contextlib.suppress(OSError):
            present = os.tcgetpgrp(self._descriptor)
            if present > 1 and not signal_group(present, 0):
                self._set(self.owner)

    def _set(self, group: int) -> None:
        # A background process that does this is stopped, unless it blocks the signal that says so.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            os.tcsetpgrp(self._descriptor, group)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
