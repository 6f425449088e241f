"""The demo's candidates as processes: starts them, kills them, and collects what they write down."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incumbent.clock import boottime

from ._demo_judge import HAND_OVER, KILL, Act, Entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO, TypeVar

    Result = TypeVar("Result")

#: Seconds after which what has not happened is taken as never going to happen.
PATIENCE = 10.0

NAMES = ("ada", "ben", "cleo", "dora", "emil", "finn", "gwen", "hugo")


class NotObservedError(Exception):
    """Something that the demo waited for did not happen."""


class SignalledError(Exception):
    """A signal asked the demo to end."""


@dataclass(slots=True)
class Player:
    """One candidate's process."""

    name: str
    process: subprocess.Popen[bytes]
    #: The beginning of a line whose rest has not arrived yet.
    rest: bytes = b""
    #: Its output is at its end, which nothing but the process's own end brings.
    silent: bool = False
    #: The last thing it said that was no entry: a traceback's end, or a warning.
    remark: str = ""


class Cast:
    """The candidates that are there now, and all that was ever written down."""

    def __init__(
        self, url: str, election: str, directory: Path, tell: Callable[[Entry], None], signals: list[int]
    ) -> None:
        self.players: dict[str, Player] = {}
        self.entries: list[Entry] = []
        self._command = [sys.executable, "-m", f"{__package__}._demo_candidate", url, election]
        self._directory = directory
        self._tell = tell
        #: Filled by signal handlers, and looked at only where nothing is half done.
        self._signals = signals
        self._names = iter(NAMES)
        self._selector = selectors.DefaultSelector()

    def join(self) -> Player:
        """Start one more candidate."""
        name = next(self._names)
        process = subprocess.Popen(
            [*self._command, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            # Its own directory, since `-m` would import modules from wherever the demo was started.
            cwd=self._directory,
            # Its own session, so that Ctrl-C reaches only the demo, which then ends its candidates.
            start_new_session=True,
        )
        player = self.players[name] = Player(name, process)
        self._selector.register(_pipe(process.stdout), selectors.EVENT_READ, player)
        return player

    def until(self, what: str, happened: Callable[[], Result | None]) -> Result:
        """
        Collect entries until *happened* returns something.

        Raises:
            NotObservedError: It never did, or a candidate ended by itself; the message says *what* was awaited.
            SignalledError: A signal came first.
        """
        give_up = boottime() + PATIENCE
        while (result := happened()) is None:
            if boottime() > give_up:
                raise NotObservedError(f"waited {PATIENCE:g} s in vain for {what}")
            self._collect(0.1)
            for player in self.players.values():
                if player.silent:
                    raise NotObservedError(f"{_obituary(player)}, during the wait for {what}")
        return result

    def kill(self, leader: Entry) -> Act:
        """Kill the leader with SIGKILL."""
        player = self.players[leader.candidate]
        act = Act(boottime(), KILL, leader.candidate, leader.token)
        player.process.kill()
        self._bury(player)
        if player.process.returncode != -signal.SIGKILL:
            raise NotObservedError(f"{_obituary(player)}, before it could be killed")
        return act

    def ask_to_relinquish(self, leader: Entry) -> Act:
        """Ask the leader to hand over."""
        act = Act(boottime(), HAND_OVER, leader.candidate, leader.token)
        with contextlib.suppress(BrokenPipeError):  # it has ended, which `until` notices
            _pipe(self.players[leader.candidate].process.stdin).write(b"relinquish\n")
        return act

    def leave(self, name: str) -> None:
        """
        Let candidate *name* end by itself.

        Raises:
            NotObservedError: It did not, or not well.
            SignalledError: A signal came first.
        """
        player = self.players[name]
        _pipe(player.process.stdin).close()
        give_up = boottime() + PATIENCE
        while not player.silent:
            if boottime() > give_up:
                raise NotObservedError(f"{name} was asked to leave, and was still there {PATIENCE:g} s later")
            self._collect(0.1)
        self._bury(player)
        if player.process.returncode:
            raise NotObservedError(_obituary(player))

    def close(self) -> None:
        """Kill whoever is left. Idempotent."""
        self._tell = _ignore  # it may be why we are here: nobody reads our output any more
        for player in list(self.players.values()):
            player.process.kill()
            self._bury(player)
        self._selector.close()

    def _bury(self, player: Player) -> None:
        """Take in what an ended candidate still wrote, and forget it."""
        player.process.wait()
        while not player.silent:
            self._read(player)
        self._selector.unregister(_pipe(player.process.stdout))
        del self.players[player.name]
        for pipe in (player.process.stdin, player.process.stdout):
            _pipe(pipe).close()

    def _collect(self, timeout: float) -> None:
        """Take in what the candidates write within *timeout* seconds; return as soon as there was something."""
        if self._signals:
            raise SignalledError
        for key, _ in self._selector.select(timeout):
            self._read(key.data)

    def _read(self, player: Player) -> None:
        """Take in what *player* wrote; waits if that is nothing."""
        data = os.read(_pipe(player.process.stdout).fileno(), 65536)
        player.silent = not data
        *lines, player.rest = (player.rest + data).split(b"\n")
        for line in lines:
            entry = _entry(player.name, line)
            if entry is None:
                player.remark = line.decode(errors="replace")
            else:
                self.entries.append(entry)
                self._tell(entry)


def _entry(candidate: str, line: bytes) -> Entry | None:
    """Parse a line that *candidate* wrote, or return None if it is no entry, but a warning or a traceback."""
    try:
        return Entry(candidate=candidate, **json.loads(line))
    except (ValueError, TypeError):
        return None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # each is a PIPE
    return pipe


def _ignore(_: Entry) -> None:
    """Tell nobody."""


def _obituary(player: Player) -> str:
    """Say how a candidate ended that nobody had ended."""
    code = player.process.wait(PATIENCE)
    return f"{player.name} ended by itself with code {code}" + (f" ({player.remark})" if player.remark else "")
