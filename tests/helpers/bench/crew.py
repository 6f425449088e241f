"""Candidates of one kind in one election, as processes: who leads, and what a hand-over or a crash takes."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .peers import Peer, environment
from .servers import Place

__all__ = ["Crew", "PeerError"]

#: Candidates that share a process where there are hundreds, and seconds that anything may take.
SHARED, PATIENCE = 20, 120.0


class PeerError(Exception):
    """A kind of candidate cannot be measured; says in one line why."""


@dataclass(eq=False)
class Member:
    """One process."""

    process: subprocess.Popen[bytes]
    text: bytes = b""
    #: A descriptor of the process that its command is, if it runs one: its number may be somebody else's by and by.
    worker: int | None = None
    has_led: bool = False


@dataclass(frozen=True)
class Leader:
    """Who leads: the process, which of its candidates, and since when."""

    member: Member
    index: str
    since: float


@dataclass
class Crew:
    """
    A context manager: what it has started is killed at the end.

    Attributes:
        peer: Of which kind they are.
        place: Where the election is held.
        election: Its name, of which nothing is left from others.
        ttl: Seconds.
        log: The file that they write their troubles to.
    """

    peer: Peer
    place: Place
    election: str
    ttl: float
    log: Path
    members: list[Member] = field(default_factory=list)
    leader: Leader | None = None

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        #: Since when the last leader goes.
        self._began: float | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        while self.members:
            self._kill(self.members[-1])
        self._selector.close()

    def start(self, candidates: int) -> None:
        """Start so many more candidates; return when somebody leads."""
        while candidates > 0:
            count = 1 if self.peer.kind is None or candidates <= SHARED / 2 else min(SHARED, candidates)
            self._launch(count)
            candidates -= count
        if self.leader is None:
            self.leader = self._next()

    def hand_over(self) -> float:
        """Have the leader hand over; return the seconds until another led, as the two saw it."""
        leader = self._present()
        if self.peer.kind is not None:
            assert leader.member.process.stdin is not None
            leader.member.process.stdin.write(f"{leader.index}\n".encode())
            leader.member.process.stdin.flush()
            self.leader = self._next(told=True)
        else:
            began = time.monotonic()
            leader.member.process.terminate()  # and its command, as systemd and terminals do: etcdctl leaves it to them
            if leader.member.worker is not None:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(leader.member.worker, signal.SIGTERM)
            self.leader = self._next(began)
            with suppress(subprocess.TimeoutExpired):
                leader.member.process.wait(PATIENCE)
            self._kill(leader.member)
            self._launch(1)
        assert self._began is not None
        return self.leader.since - self._began

    def crash(self) -> float:
        """Kill the leader, with its command; return the seconds until another led."""
        leader = self._present()
        began = time.monotonic()
        self._kill(leader.member)
        self.leader = self._next(began)
        self._launch(1)
        return self.leader.since - began

    def memory(self) -> float:
        """Return the MB of memory that the leader's process has."""
        status = Path(f"/proc/{self._present().member.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1000

    # ------------------------------------------------------------ inside

    def _present(self) -> Leader:
        assert self.leader is not None
        return self.leader

    def _launch(self, count: int) -> None:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.peer.command(self.place, self.election, self.ttl, count=count),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(self.peer.source),
                start_new_session=True,
            )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        member = Member(process)
        self.members.append(member)
        self._selector.register(process.stdout, selectors.EVENT_READ, member)

    def _next(self, began: float | None = None, *, told: bool = False) -> Leader:
        """Return who leads next; wait also until the last one says since when it goes, if it was told to."""
        end = time.monotonic() + PATIENCE
        found, self._began = None, began
        while time.monotonic() < end:
            for key, _ in self._selector.select(1.0):
                now = time.monotonic()
                for what, index, when in self._lines(key.data):
                    if what == "goes":
                        self._began = when
                    else:
                        found = Leader(key.data, index, when or now)
            if found is not None and not (told and self._began is None):
                return found
        raise PeerError(f"nobody leads after {PATIENCE:g} s")

    def _lines(self, member: Member) -> Iterator[tuple[str, str, float | None]]:
        """Yield what it says: what it does, which of its candidates, and when, unless it does not know."""
        assert member.process.stdout is not None
        piece = os.read(member.process.stdout.fileno(), 65536)
        if not piece:
            self._selector.unregister(member.process.stdout)
            if self.leader is None or self.leader.member is not member:
                raise PeerError(f"it has ended: {self._last_words()}")
        *lines, member.text = (member.text + piece).split(b"\n")
        for words in filter(None, (line.decode().split() for line in lines)):
            if self.peer.kind is not None:
                yield words[0], words[1], float(words[2])
            elif not member.has_led:
                member.has_led = True
                member.worker = os.pidfd_open(int(words[1])) if words[0] == "leads" else None
                yield "leads", "", None

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def _kill(self, member: Member) -> None:
        """End the process, its group, and its command, which may be in none of them."""
        self.members.remove(member)
        process = member.process
        assert process.stdout is not None
        with suppress(KeyError):
            self._selector.unregister(process.stdout)
        with suppress(ProcessLookupError, PermissionError):
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
        if member.worker is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(member.worker, signal.SIGKILL)
            os.close(member.worker)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
