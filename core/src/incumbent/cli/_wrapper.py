"""The wrapper: one loop between an election, which says when the command may run, and the guard, which runs it."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import signal
import socket
import threading
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from incumbent.clock import boottime
from incumbent.errors import InvalidStateError

from ._guarded import Guarded
from ._output import complain
from ._processes import wait_for, watched_signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from incumbent.election import LeaderElection
    from incumbent.state import Reason
    from incumbent.term import Term

    from ._command import Command

LOST: Final = 75
TIMED_OUT: Final = 124
WRAPPER_FAILED: Final = 125
CANNOT_RUN: Final = 126
NOT_FOUND: Final = 127

#: Signals that end a wrapper while its command does not run; the others wait for a command to care for them.
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Seconds for leaving the election when nothing is held: a frozen server must not keep us. Its ttl frees the rest.
PATIENCE: Final = 1.0


class Wrapper:
    """
    Runs the command of one candidate, once a term.

    Args:
        once: End when a term is over, rather than campaign again.
        wait_timeout: Seconds to wait for each term at most.
    """

    def __init__(self, *, once: bool, wait_timeout: float = inf) -> None:
        self._once = once
        self._wait_timeout = wait_timeout
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._term: Term | None = None  # the one that the command was started for, until it is dead
        self._served: Term | None = None  # the last one whose command is dead, and all that it had started
        self._dead: threading.Event | None = None  # set for the election when it is, if that waits for it
        self._ended_by = 0  # the signal after which the command is not started again
        self._code: int | None = None  # set when nothing is to be run any more
        self._give_up_at = inf
        self._finished = False

    # ------------------------------------------------------------ the election's callbacks, on its threads

    def on_elected(self, term: Term) -> None:
        """Have the command started."""
        self._post(partial(self._elected, term))

    def on_check(self, election: LeaderElection) -> None:
        """Have the guard told of the present deadline."""
        term = election.term
        if term is not None:
            self._post(partial(self._renewed, term))

    def on_deposed(self, term: Term, _: Reason) -> None:
        """Have the command stopped, and return when it is dead: only then the claim is given up (P6)."""
        if term is self._served:
            return
        dead = threading.Event()
        self._post(partial(self._deposed, term, dead))
        dead.wait()

    def _post(self, event: Callable[[], None]) -> None:
        self._events.put(event)
        with contextlib.suppress(OSError):  # full: it will wake up all the same
            self._wakeup.send(b"\0")

    # ------------------------------------------------------------ the loop

    def run(self, election: LeaderElection, command: Command, beside: AbstractContextManager[object]) -> int:
        """
        Campaign with *election*, run *command* while it leads, and return the exit code. Works once.

        *beside* is entered when there may be threads, and left at the end.
        """
        self._election, self._command = election, command
        self._guarded = Guarded(command)
        self._wakeups, self._wakeup = socket.socketpair()
        self._wakeups.setblocking(False)
        try:
            with watched_signals(self._wakeup), beside:
                threading.Thread(target=self._campaign, name="incumbent-run", daemon=True).start()
                self._await_election()
                while not self._finished:
                    self._step()
        finally:
            self._guarded.close()
            self._wakeups.close()
            self._wakeup.close()
        assert self._code is not None
        return self._code

    def _campaign(self) -> None:
        error: Exception | None = None
        try:
            self._election.run()
        except Exception as failure:
            error = failure
        self._post(partial(self._election_ended, error))

    def _step(self) -> None:
        due = min(self._give_up_at, self._guarded.due())
        pause = None if due == inf else max(0.0, due - boottime())
        wait_for([self._wakeups.fileno(), *self._guarded.sources()], pause)
        for verb, *words in self._guarded.listen():
            self._told(verb, words)
        with contextlib.suppress(BlockingIOError):
            for number in filter(None, self._wakeups.recv(4096)):
                self._signalled(number)
        with contextlib.suppress(queue.Empty):
            while True:
                self._events.get_nowait()()
        self._guarded.keep_time()
        if boottime() >= self._give_up_at:
            self._give_up()

    # ------------------------------------------------------------ what the election says

    def _elected(self, term: Term) -> None:
        if self._code is None:
            self._term, self._give_up_at = term, inf
            self._guarded.start(term)

    def _renewed(self, term: Term) -> None:
        if term is self._term:
            self._guarded.extend(term)

    def _deposed(self, term: Term, dead: threading.Event) -> None:
        if term is self._term:
            self._dead = dead
            self._guarded.end(term.deadline)
        else:
            dead.set()

    def _election_ended(self, error: Exception | None) -> None:
        self._finished = True
        if self._code is None:
            self._code = complain(error or "the election has ended by itself", WRAPPER_FAILED)

    # ------------------------------------------------------------ what the guard says

    def _told(self, verb: str, words: list[str]) -> None:
        if verb not in {"ended", "failed", "gone"}:
            return
        self._served, self._term = self._term, None
        if verb == "ended":
            self._command_ended(int(words[0]), words[1])
        elif verb == "failed":
            number = int(words[0])
            why = os.strerror(number) if number else "it cannot be started"
            code = NOT_FOUND if number in {errno.ENOENT, errno.ENOTDIR} else CANNOT_RUN
            self._leave(complain(f"{self._command.argv[0]}: {why}", code))
        elif self._code is None:
            self._leave(complain("the guard process was killed, and the command with it", WRAPPER_FAILED))
        if self._dead is not None:
            self._dead.set()
            self._dead = None

    def _command_ended(self, code: int, cause: str) -> None:
        """Go on after the command and everything that it started is dead."""
        if cause == "exit":
            self._leave(128 - code if code < 0 else code)
        elif self._ended_by:
            self._leave(128 + self._ended_by)
        elif self._once:
            self._leave(LOST)
        else:
            self._await_election()
            if self._dead is None:  # the guard was faster than the election, or this process was frozen
                with contextlib.suppress(InvalidStateError):
                    self._election.relinquish()

    # ------------------------------------------------------------ signals and time

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._guarded.look_after_guard()
        elif self._term is not None:
            self._guarded.signal(number)
            if number == signal.SIGTERM or (self._dead is not None and number in ENDING):
                self._ended_by = number  # even if it is something else that ends the command
        elif number in ENDING:
            if self._code is None:
                self._leave(128 + number)
            self._give_up_at = min(self._give_up_at, boottime() + PATIENCE)

    def _await_election(self) -> None:
        self._give_up_at = boottime() + self._wait_timeout

    def _give_up(self) -> None:
        """Do not wait any longer: for being elected, or for leaving."""
        if self._code is not None:
            self._finished = True
        else:
            why = self._election.situation
            self._leave(complain(f"not elected within {self._wait_timeout:g} s: {why}", TIMED_OUT))
            self._give_up_at = boottime() + PATIENCE

    def _leave(self, code: int) -> None:
        """Leave the election, and end with *code* when that is done, or has taken its time."""
        self._code = code
        config = self._election.config
        self._give_up_at = boottime() + config.close_timeout + 3 * config.request_timeout + PATIENCE
        threading.Thread(target=self._election.close, name="incumbent-leave", daemon=True).start()
