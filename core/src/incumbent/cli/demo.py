"""`incumbent demo`: three candidates in real processes; leaders are killed, and others succeed at once.

Exits with 0 only if everything that it claims was observed.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._demo_cast import Cast, NotObservedError, SignalledError
from ._demo_judge import HAND_OVER, KILL, judge
from ._demo_stage import Stage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

    from ._demo_judge import Act, Entry
    from ._parser import Commands

ELECTION = "demo"
CANDIDATES = 3
#: What is done to one leader after the other.
PLAN = [KILL, KILL, HAND_OVER, KILL, KILL]
#: How many pieces of work each leader is left to do.
WORK = 6

DESCRIPTION = """\
Run three candidates as processes on this machine, with no server. The leader is killed with SIGKILL
several times, and once asked to hand over; each time another leads within a fraction of a second.
Takes about ten seconds. Exits with 0 only if all that was observed, and no two leaders at once.
"""


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    commands.add_parser("demo", description=DESCRIPTION)


def run(_args: argparse.Namespace) -> int:
    """Play, judge, and clean up whatever happens; 0 only if everything was observed."""
    with _noted_signals() as signals, tempfile.TemporaryDirectory(prefix="incumbent-demo-") as directory:
        stage = Stage()
        url = f"local://{quote(directory)}/state"
        stage.open(url, ELECTION)
        cast = Cast(url, ELECTION, Path(directory), stage.entry, signals)
        acts: list[Act] = []
        faults = []
        try:
            _play(cast, stage, acts)
        except NotObservedError as fault:
            faults.append(str(fault))
        except SignalledError:
            return 128 + signals[0]
        finally:
            cast.close()
        verdict = judge(cast.entries, acts, PLAN)
        faults += verdict.faults
        stage.summary(verdict, faults)
    return 1 if faults else 0


def _play(cast: Cast, stage: Stage, acts: list[Act]) -> None:
    """Do everything in `PLAN` to the leader of the time, then let all candidates leave."""
    for _ in range(CANDIDATES):
        stage.joined(cast.join())
    for kind in PLAN:
        leader = _working_leader(cast, len(acts))
        act = cast.kill(leader) if kind == KILL else cast.ask_to_relinquish(leader)
        acts.append(act)
        stage.act(act)
        cast.until(f"a successor after {act}", lambda: _leader(cast, len(acts)))
        if kind == KILL:
            stage.joined(cast.join())
    leader = _working_leader(cast, len(acts))
    # The leader last: else each of the others would still win.
    for name in sorted(cast.players, key=lambda name: name == leader.candidate):
        cast.leave(name)


def _leader(cast: Cast, number: int) -> Entry | None:
    """Return the beginning of term *number*, counted from 0, if there was one."""
    terms = [entry for entry in cast.entries if entry.event == "begin"]
    return terms[number] if number < len(terms) else None


def _working_leader(cast: Cast, number: int) -> Entry:
    """Wait until the leader of term *number* has done its work, and all others stand ready."""
    leader = cast.until("a leader", lambda: _leader(cast, number))

    def settled() -> bool | None:
        work = [e for e in cast.entries if e.event == "work" and e.token == leader.token]
        return (len(work) >= WORK and cast.players.keys() <= {e.candidate for e in cast.entries}) or None

    cast.until(f"{leader.candidate} to work while the others wait", settled)
    return leader


@contextlib.contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """
    Only note the signals that ask for an end, and yield where they are noted.

    If they raised, one could come between the start of a process and its entry in the list of those to end.
    """
    noted: list[int] = []
    before: dict[signal.Signals, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup, or in the background of a shell
            before[number] = signal.signal(number, lambda number, _: noted.append(number))
    try:
        yield noted
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
