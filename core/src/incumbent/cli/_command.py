"""
The command of `incumbent run`: what is to be executed, and the process that waits to become it.

That process is forked ahead of the term: a fork of Python takes several milliseconds, for which a hand-over need
not wait.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ._channel import Channel
from ._processes import die_with_parent, forget_signals, fork, set_name, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ._terminal import Terminal

__all__ = ["Command", "Starter"]


@dataclass(frozen=True, kw_only=True)
class Command:
    """
    What to run. *grace* is the seconds that it gets between SIGTERM and SIGKILL.

    *execute* takes the testament of a term of which nothing lives any more.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    grace: float
    terminal: Terminal | None = None
    execute: Callable[[str], object] | None = None


class Starter:
    """
    A child that becomes *command* when it is told to, and ends when this object or its parent does.

    Args:
        not_theirs: A channel of the parent's, which this child must not keep open.

    Attributes:
        pid: Its process, which leads a process group of its own, and will be the command's.
    """

    def __init__(self, command: Command, not_theirs: Channel) -> None:
        ours, theirs = Channel.pair()
        parent = os.getpid()
        self.pid = fork()
        if not self.pid:
            try:
                ours.close()
                not_theirs.close()
                _become(command, theirs, parent)
            finally:
                os._exit(127)  # never back into the copy of the parent
        theirs.close()
        self._channel = ours
        with contextlib.suppress(OSError):  # it does so itself, but perhaps later than its group is signalled
            os.setpgid(self.pid, self.pid)

    def go(self, token: str, descriptors: list[int]) -> None:
        """Have it execute the command, which shall know *token* and keep *descriptors*."""
        self._channel.send("go", token, descriptors=tuple(descriptors))

    def failure(self) -> int | None:
        """Return the number of the error with which the command could not be executed, 0 if it has none; else None."""
        with contextlib.suppress(EOFError):
            lines, _ = self._channel.receive()
            return int(lines[0][1]) if lines else None
        return None

    def is_dead(self) -> bool:
        """Tell whether it has ended, and bury it. Only before `go`."""
        pid, _ = os.waitpid(self.pid, os.WNOHANG)
        return bool(pid)

    def close(self) -> None:
        """Let go of it; if it was not told to go, it ends."""
        self._channel.close()


def _become(command: Command, channel: Channel, parent: int) -> NoReturn:
    os.setpgid(0, 0)  # what is meant for the parent's group, or typed at the terminal, is not meant for the command
    set_name(b"incumbent-start")
    forget_signals()
    die_with_parent(parent)
    wait_for([channel.fileno()], None)
    [(_, token)], descriptors = channel.receive()  # EOFError: nobody will tell it any more
    for descriptor in descriptors:
        # The command keeps the claim too: whatever of it survives even its guard, nobody else leads meanwhile.
        os.set_inheritable(descriptor, True)
    if command.terminal is not None:
        command.terminal.give(os.getpid())
    environment = {**command.environment, "INCUMBENT_TOKEN": token}
    try:
        os.execvpe(command.argv[0], list(command.argv), environment)  # noqa: S606 - no shell is wanted
    except (OSError, ValueError) as error:
        channel.send("failed", getattr(error, "errno", None) or 0)
    os._exit(127)
