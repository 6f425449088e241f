"""What the kernel tells of processes: whether they run, what ps calls them, and who their children are."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Process", "children", "running"]


class Process(NamedTuple):
    """A process that runs, as `/proc/PID/stat` has it: its *name* of at most 15 characters, and to whom it belongs."""

    name: str
    parent: int
    group: int
    session: int


def running(pid: int | str) -> Process | None:
    """Return what there is of a process; None if it is dead, buried or not: that is up to whoever adopts it."""
    with suppress(OSError):
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        state, *numbers = rest.split()[:4]
        if state not in "ZX":
            return Process(name, *map(int, numbers))
    return None


def children(pid: int | str) -> list[int]:
    """Return the children of a process that is not buried yet, the dead among them; OSError if there is none."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
