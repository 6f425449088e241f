"""The command as the wrapper has it: through the guard, whose orders and answers `guard.start_guard` lists."""

from __future__ import annotations

import os
import signal
from math import inf
from typing import TYPE_CHECKING

from incumbent.clock import boottime

from ._processes import KILL_POLL, adopt_orphans, children, kill_family, signal_group
from .guard import KILL_TIME, start_guard

if TYPE_CHECKING:
    from incumbent.term import Term

    from ._channel import Channel
    from ._command import Command


class Guarded:
    """The command and its guard, which is forked here: construct it before there are threads."""

    def __init__(self, command: Command) -> None:
        self._terminal = command.terminal
        self._strangers = children()  # of the program that became this one
        self._guard, channel = start_guard(command)
        self._channel: Channel | None = channel
        self._group = 0
        self._kill_at = inf
        adopt_orphans()  # should the guard be killed, its children come here

    def sources(self) -> list[int]:
        """Return the descriptors to wait for; `listen` then has something to tell."""
        return [] if self._channel is None else [self._channel.fileno()]

    def start(self, term: Term) -> None:
        """Run the command for *term*, once what ran before has ended."""
        self._group, self._kill_at = 0, inf
        self._tell("start", term.token, term.deadline, term.testament, descriptors=term.descriptors)

    def extend(self, term: Term) -> None:
        """Let the command live until the deadline that *term* has now."""
        self._tell("deadline", term.deadline, term.testament)

    def signal(self, number: int) -> None:
        """Pass a signal on to the command's process group."""
        self._tell("signal", number)

    def end(self, deadline: float) -> None:
        """Stop the command, with its grace, before *deadline*; `ended` follows."""
        self._tell("end")
        self._kill_at = deadline - KILL_TIME / 2

    def listen(self) -> list[list[str]]:
        """Return what the guard says, as words; only `gone` if it was killed, and the command is dead as well."""
        if self._channel is None:
            return []
        try:
            lines, _ = self._channel.receive()
        except EOFError:
            self._channel.close()
            self._channel = None
            kill_family(self._group, self._strangers)  # also if it was killed before it could name the group
            self._guard = 0  # it was of the family
            return [["gone"]]
        for verb, *words in lines:
            if verb == "started":
                self._group = int(words[0])
            elif verb in {"ended", "failed"}:
                self._group, self._kill_at = 0, inf
                if self._terminal is not None:
                    self._terminal.take_back()
            elif verb == "stopped" and self._terminal is not None:
                signal.raise_signal(signal.SIGTSTP)  # the shell that started us is to see it, and continues us
                self._tell("continue")
        return lines

    def due(self) -> float:
        """Return when `keep_time` is to be called."""
        return max(self._kill_at, boottime() + KILL_POLL)

    def keep_time(self) -> None:
        """Kill the command, right before its deadline, in case the guard could not."""
        if self._group and boottime() >= self._kill_at:
            signal_group(self._group, signal.SIGKILL)

    def look_after_guard(self) -> None:
        """Continue a guard that was stopped; that it was killed, `listen` tells."""
        if self._guard:
            pid, status = os.waitpid(self._guard, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                os.kill(self._guard, signal.SIGCONT)
            elif pid:
                self._guard = 0

    def close(self) -> None:
        """End the guard; whatever still runs is killed first."""
        if self._channel is not None:
            self._tell("leave")
            self._channel.close()
            self._channel = None
        if self._guard:
            os.kill(self._guard, signal.SIGCONT)
            os.waitpid(self._guard, 0)
            self._guard = 0

    def _tell(self, *words: object, descriptors: tuple[int, ...] = ()) -> None:
        if self._channel is not None:
            self._channel.send(*words, descriptors=descriptors)
