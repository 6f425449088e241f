"""
The guard: a small process between wrapper and command, which holds the deadline by itself.

It starts the command and is its parent. However the wrapper ends or whatever keeps it from running
(SIGKILL, SIGSTOP, swapping), the guard kills everything that the command started, before the
deadline that it was told last; and it keeps the claim's descriptors open until all of it is dead.
If the wrapper is dead as well then, it executes the testament of the term: nobody need wait for
its end (P11).

It is forked from the wrapper before that has threads, and not executed anew: that takes 1 ms, not 25. The process
that will be the command, its child, waits while nothing runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from math import inf
from typing import TYPE_CHECKING, Final, NoReturn

from incumbent.clock import boottime

from ._channel import Channel
from ._command import Starter
from ._processes import (
    KILL_POLL,
    adopt_orphans,
    fork,
    is_gone,
    sees_orphans,
    set_name,
    signal_all,
    signal_group,
    wait_for,
    watched_signals,
)

if TYPE_CHECKING:
    from ._command import Command

__all__ = ["KILL_TIME", "start_guard"]

#: Seconds before the deadline at which SIGKILL is sent: 200 processes, or one with 500 MB, took 0.06 s to die
#: on two busy cores.
KILL_TIME: Final = 0.25
#: The longest sleep while there is a deadline, seconds: `select` does not count the time of a suspension (P2).
LONGEST_SLEEP: Final = 0.1
#: Seconds after a command's end until the next one's process is forked: whoever leads now has more need of the machine.
RECOVERY: Final = 0.5


def start_guard(command: Command) -> tuple[int, Channel]:
    """
    Fork the guard. Call it before there are threads.

    It understands `start TOKEN DEADLINE [TESTAMENT]` (with the claim's descriptors), `deadline SECONDS [TESTAMENT]`,
    `signal NUMBER`, `continue`, `end`, and `leave` when the wrapper leaves in order, and answers `started PID`,
    `failed ERRNO`, `stopped`, and `ended CODE CAUSE` when everything is dead: CODE as `subprocess` has it, CAUSE one of
    `exit`, `asked`, `deadline`. It ends when the channel is closed.

    Returns:
        Its process id and this end of the channel.
    """
    ours, theirs = Channel.pair()
    wrapper = os.getpid()
    pid = fork()
    if not pid:
        ours.close()
        _Guard(command, theirs, wrapper).run()
    theirs.close()
    return pid, ours


class _Guard:
    def __init__(self, command: Command, channel: Channel, wrapper: int) -> None:
        self._command = command
        self._channel = channel
        self._wrapper = wrapper
        #: The command's process, while anything of the command lives, or the one that waits to become it.
        self._starter: Starter | None = None
        self._running = False
        #: When the next one is forked, if none waits.
        self._fork_at = -inf
        self._code: int | None = None
        self._cause = ""
        self._deadline = inf
        self._kill_at = inf
        self._descriptors: list[int] = []
        self._testament = ""
        self._orphaned = False

    def run(self) -> NoReturn:
        """Serve the wrapper until it is gone and nothing runs any more."""
        try:
            os.setpgid(0, 0)  # what kills the wrapper's group must not kill this; the session stays, for the terminal
            set_name(b"incumbent-guard")
            adopt_orphans()
            wakeups, wakeup = socket.socketpair()
            with watched_signals(wakeup):
                self._serve(wakeups)
                if self._starter is not None:
                    self._starter.close()
                self._give_up()
        finally:
            os._exit(0)  # never back into the copy of the wrapper; an error here kills the command (die_with_parent)

    def _serve(self, wakeups: socket.socket) -> None:
        wakeups.setblocking(False)
        self._keep_time()
        while not self._orphaned or self._running:
            sources = [wakeups.fileno()] if self._orphaned else [wakeups.fileno(), self._channel.fileno()]
            wait_for(sources, self._pause())
            with contextlib.suppress(BlockingIOError):
                wakeups.recv(4096)
            self._listen()
            self._reap()
            self._keep_time()

    def _pause(self) -> float | None:
        """Return how long nothing can become due."""
        now = boottime()
        if not self._running:
            return None if self._starter is not None else max(0.0, self._fork_at - now)
        if self._deadline == inf and not self._cause:
            return None
        if self._cause:
            return KILL_POLL if now >= self._kill_at else min(self._kill_at - now, LONGEST_SLEEP)
        return max(0.0, min(self._end_at() - now, LONGEST_SLEEP))

    # ------------------------------------------------------------ the wrapper's orders

    def _listen(self) -> None:
        if self._orphaned:
            return
        try:
            lines, descriptors = self._channel.receive()
        except EOFError:
            self._orphaned = True
            self._end("orphaned", 0.0)
            return
        self._descriptors += descriptors
        for verb, *words in lines:
            if verb == "start":
                self._testament = "".join(words[2:])
                self._start(words[0], float(words[1]))
            elif verb == "deadline":
                self._testament = "".join(words[1:])
                self._deadline = max(self._deadline, float(words[0]))
            elif verb == "leave":
                self._testament = ""
            elif verb == "signal" and self._running:
                signal_group(self._group(), int(words[0]))
            elif verb == "continue" and self._running:
                if self._command.terminal is not None:
                    self._command.terminal.give(self._group())
                signal_group(self._group(), signal.SIGCONT)
            elif verb == "end":
                self._end("asked", self._command.grace)

    def _start(self, token: str, deadline: float) -> None:
        self._deadline, self._code, self._cause, self._kill_at = deadline, None, "", inf
        if boottime() >= self._end_at():  # frozen on the way here: it would have to be killed at once
            self._finish("ended", 0, "deadline")
            return
        try:
            starter = self._waiting()
        except OSError as error:
            self._finish("failed", error.errno)
            return
        self._running = True
        starter.go(token, self._descriptors)
        self._channel.send("started", starter.pid)

    def _waiting(self) -> Starter:
        """Return the process that waits to become the command, another one if it is dead; OSError without room."""
        self._bury_starter()
        if self._starter is None:
            self._fork_at = boottime() + RECOVERY  # if there is no room
            self._starter = Starter(self._command, self._channel)
        return self._starter

    def _group(self) -> int:
        """Return the command's process group, while anything of it lives."""
        assert self._starter is not None
        return self._starter.pid

    # ------------------------------------------------------------ the command's end

    def _end_at(self) -> float:
        """Return when SIGTERM must be sent for SIGKILL to come in time."""
        return self._deadline - KILL_TIME - self._command.grace

    def _end(self, cause: str, grace: float) -> None:
        """Begin to stop whatever runs; a second reason can only make it faster."""
        if not self._running:
            return
        self._kill_at = min(self._kill_at, boottime() + grace, self._deadline - KILL_TIME)
        if not self._cause:
            self._cause = cause
            signal_all(self._group(), signal.SIGTERM)
            signal_all(self._group(), signal.SIGCONT)  # who is stopped learns of it only then

    def _keep_time(self) -> None:
        now = boottime()
        if not self._running:
            if self._starter is None and not self._orphaned and now >= self._fork_at:
                with contextlib.suppress(OSError):  # no room for another process: `_start` says so if that lasts
                    self._waiting()
            return
        if not self._cause and now >= self._end_at():
            self._end("deadline", self._command.grace)
        if now >= self._kill_at:
            signal_all(self._group(), signal.SIGKILL)

    def _bury_starter(self) -> None:
        """See whether somebody has killed the one that waits."""
        if not self._running and self._starter is not None and self._starter.is_dead():
            self._let_starter_go()

    def _let_starter_go(self) -> None:
        assert self._starter is not None
        self._starter.close()
        self._starter = None
        self._fork_at = boottime() + RECOVERY

    def _reap(self) -> None:
        """Bury the dead; once all are, the claim has served."""
        self._bury_starter()
        while self._running:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                break
            if not pid:
                break
            if os.WIFSTOPPED(status):
                if pid == self._group():
                    self._channel.send("stopped")
            elif pid == self._group():
                self._code = os.waitstatus_to_exitcode(status)
        if not self._running or self._code is None:
            return
        if is_gone(self._group()):
            assert self._starter is not None
            failure = self._starter.failure()
            self._running = False
            self._let_starter_go()
            if failure is None:
                self._finish("ended", self._code, self._cause or "exit")
            else:
                self._finish("failed", failure)
        elif not self._cause:
            self._end("exit", self._command.grace)  # it is done, and what it left behind must not outlive the term

    def _finish(self, *words: object) -> None:
        """Let the claim go, and say so."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self._channel.send(*words)

    def _give_up(self) -> None:
        """Execute the testament: no command is left, and the wrapper is dead, or has closed the channel and will be."""
        execute = self._command.execute
        if execute is None or not self._testament or self._deadline == inf or not sees_orphans():
            return
        while os.getppid() == self._wrapper:  # its threads may live yet: each of them could take the term for valid
            if boottime() >= self._deadline:
                return
            time.sleep(KILL_POLL)
        execute(self._testament)
