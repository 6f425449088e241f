"""What hand-overs and crashes take: all peers in turns, in random order, round by round."""

from __future__ import annotations

import random
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .crew import Crew, PeerError
from .figures import Table
from .peers import Peer, command_peers, environment, peers
from .servers import Place

__all__ = ["Course", "commands", "crashes", "cycles", "handovers", "said"]

#: Seconds: a claim's life where none is to end, and where one is to; for a crew to be in line; for one to be so again.
LONG, SHORT, LINE, AGAIN = 15.0, 5.0, 1.0, 0.2
#: Candidates, as processes.
CANDIDATES = 3
#: Seconds after which no more leaders are killed: `consul lock` needs 40 to notice one.
ENOUGH = 60.0
#: Seconds that a program may take which is run as a whole.
ENDS = 120.0
#: Times that a process acquires and releases, to be measured at once.
CYCLES = 200


@dataclass
class Course:
    """
    Where and how a row is measured.

    Attributes:
        place: Where the elections are held.
        store: Its name.
        folder: For the logs of candidates.
        rounds: How many figures there are to be of each peer.
        before: A checkout that is measured beside this one; or None.
        tell: Is told of progress.
    """

    place: Place
    store: str
    folder: Path
    rounds: int
    before: Path | None
    tell: Callable[[str], None]

    def crew(self, peer: Peer, ttl: float) -> Crew:
        """Return candidates of an election that nobody else is in."""
        log = self.folder / f"{peer.name.replace(' ', '-')}.log"
        return Crew(peer, self.place, f"bench-{uuid.uuid4().hex[:8]}", ttl, log)

    def crews(self, stack: ExitStack, table: Table, kinds: Iterable[Peer], ttl: float, size: int) -> dict[Peer, Crew]:
        """Start a crew of each peer; who cannot be started is left out, with a note."""
        started = {}
        for peer in kinds:
            crew = stack.enter_context(self.crew(peer, ttl))
            table.values[peer.name] = []
            try:
                crew.start(size)
            except (PeerError, OSError) as error:
                table.notes.append(f"{peer.name} is left out: {error}")
            else:
                started[peer] = crew
        return started

    def in_turns(self, table: Table, crews: dict[Peer, Crew], measure: Callable[[Crew], float]) -> None:
        """Measure each crew once a round; who fails is not asked again, and so noted."""
        left = dict(crews)
        for number in range(self.rounds):
            self.tell(f"{table.row} {self.store}: round {number + 1} of {self.rounds}")
            for peer in random.sample(list(left), len(left)):
                try:
                    table.add(peer.name, measure(left[peer]))
                except PeerError as error:
                    del left[peer]
                    table.notes.append(f"{peer.name} was given up after {number} rounds: {error}")


def handovers(course: Course) -> list[Table]:
    """A leader hands over, and the next leads: from just before the one to just after the other, in their own eyes."""
    return _handovers(course, Table("handover", course.store, "Hand-over", "ms"), peers(course.store, course.before))


def commands(course: Course) -> list[Table]:
    """A command and its wrapper are terminated, and the next one's command has begun."""
    table = Table("command", course.store, "Hand-over of a command", "ms")
    # Whoever took part is started anew, and imports for half a second: that is not the next one's hand-over.
    return _handovers(course, table, command_peers(course.store, course.before), pause=LINE)


def _handovers(course: Course, table: Table, kinds: list[Peer], pause: float = AGAIN) -> list[Table]:
    with ExitStack() as stack:
        crews = course.crews(stack, table, kinds, LONG, CANDIDATES)
        time.sleep(LINE)

        def measure(crew: Crew) -> float:
            took = crew.hand_over()
            time.sleep(pause)
            return took * 1000

        course.in_turns(table, crews, measure)
    return [table]


def cycles(course: Course) -> list[Table]:
    """One candidate alone leads and hands over, again and again."""
    table = Table("cycles", course.store, "Acquire and release", "/s", more_is_better=True)
    for number in range(course.rounds):
        course.tell(f"cycles {course.store}: round {number + 1} of {course.rounds}")
        kinds = [peer for peer in peers(course.store, course.before) if peer.kind is not None]
        for peer in random.sample(kinds, len(kinds)) if number else kinds:
            command = peer.command(course.place, f"bench-{uuid.uuid4().hex[:8]}", LONG, cycles=CYCLES)
            try:
                table.add(peer.name, CYCLES / float(said(peer, command).split()[1]))
            except PeerError as error:
                table.add(peer.name, None)
                table.notes.append(f"{peer.name} has failed in round {number + 1}: {error}")
    return [table]


def said(peer: Peer, command: list[str]) -> str:
    """Run a program of *peer*, and return what it says; raises `PeerError`."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=ENDS, env=environment(peer.source)
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"it has not ended after {ENDS:g} s") from None
    except subprocess.CalledProcessError as error:
        raise PeerError((error.stderr.strip().splitlines() or ["it wrote nothing"])[-1]) from None
    return done.stdout


def crashes(course: Course) -> list[Table]:
    """The leader is killed (SIGKILL), with its command: until another leads. All peers at once: they only wait."""
    table = Table("crash", course.store, f"Fail-over after SIGKILL, ttl {SHORT:g} s where it can be set", "s")
    locks = command_peers(course.store, course.before)
    others = [peer for peer in peers(course.store, course.before) if peer.name not in {lock.name for lock in locks}]
    end = time.monotonic() + ENOUGH
    with ExitStack() as stack:
        crews = course.crews(stack, table, [*others, *locks], SHORT, CANDIDATES)
        time.sleep(LINE)
        threads = [
            threading.Thread(target=_kill_again, args=(course, table, peer, crew, end)) for peer, crew in crews.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return [table]


def _kill_again(course: Course, table: Table, peer: Peer, crew: Crew, end: float) -> None:
    for number in range(course.rounds):
        time.sleep(LINE + random.uniform(0, SHORT / 3))  # a leader renews in between: it dies at any time after that
        course.tell(f"crash {course.store}: {peer.name}, {number + 1} of {course.rounds}")
        try:
            table.add(peer.name, crew.crash())
        except PeerError as error:
            table.notes.append(f"{peer.name} was given up after {number} rounds: {error}")
            return
        if time.monotonic() > end:
            return
