"""The candidates of one election: started, killed, frozen, asked to hand over, and replaced."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from incumbent import boottime
from incumbent.testing import FaultProxy

from .candidate import HOLD, Order, Zygote, clock_file
from .limits import no_descriptors

__all__ = ["Crew", "Hand", "Slot", "Terms"]

#: Seconds that a candidate may take to start.
START = 10.0


@dataclass
class Slot:
    """A place in the crew: its way to the store outlives the candidates that take it."""

    url: str
    proxies: list[FaultProxy]

    def heal(self) -> None:
        """End what is wrong with the way."""
        for proxy in self.proxies:
            proxy.heal()


@dataclass
class Hand:
    """One candidate, as the driver has it."""

    name: str
    #: Stands for the process: unlike its number, it is never another's.
    pidfd: int
    journal: Path
    slot: Slot
    #: When it was killed, seconds on the boot-time clock.
    killed_at: float | None = None
    leaving: bool = False

    @property
    def pid(self) -> int:
        """The number of its process, -1 if that has ended."""
        lines = Path(f"/proc/self/fdinfo/{self.pidfd}").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))


@dataclass(frozen=True)
class Terms:
    """What all crews have in common."""

    zygote: Zygote
    #: For the journals.
    folder: Path
    ttl: float
    #: The port of the register.
    register: int


class Crew:
    """
    One election. Not thread-safe.

    Args:
        name: The election.
        slots: One for each candidate.
        terms: What all crews have in common.
        seed: What happens to it depends on this and its name.
    """

    def __init__(self, name: str, slots: list[Slot], terms: Terms, seed: int) -> None:
        self.name = name
        self.random = random.Random(f"{seed} {name}")
        self.terms = terms
        self.slots = slots
        self.hands: list[Hand] = []
        self.past: list[Hand] = []
        self._number = 0
        self._interval = self.random.choice([None, 4 * terms.ttl])
        for slot in slots:
            self._join(slot)

    def _join(self, slot: Slot) -> None:
        self._number += 1
        name = f"{self.name}-{self._number}"
        journal = self.terms.folder / f"{name}.jsonl"
        executor = random.Random(name).random() < 0.5  # of its own, so that seeds stay the same
        terms = self.terms
        order = Order(slot.url, self.name, name, terms.ttl, str(journal), terms.register, self._interval, executor)
        self.hands.append(Hand(name, os.pidfd_open(self.terms.zygote.start(order)), journal, slot))

    def leader(self) -> Hand | None:
        """Return who led when it last wrote into its journal; found by its last line, so perhaps nobody."""
        for hand in tuple(self.hands):  # the store's thread asks as well
            with contextlib.suppress(OSError, IndexError):
                with hand.journal.open("rb") as journal:
                    journal.seek(max(0, hand.journal.stat().st_size - 400))
                    last = journal.read().splitlines()[-1]
                if b'"elected"' in last or b'"valid"' in last:
                    return hand
        return None

    def victim(self) -> Hand:
        """Choose one; the leader twice as often as not."""
        leader = self.leader()
        if leader is not None and self.random.random() < 0.7:
            return leader
        return self.random.choice(self.hands)

    # ------------------------------------------------------------ faults

    def kill(self, hand: Hand) -> None:
        """SIGKILL; another takes its place."""
        self._signal(hand, signal.SIGKILL)
        hand.killed_at = boottime()
        self._replace(hand)

    def leave(self, hand: Hand) -> None:
        """SIGTERM: it closes its election; another takes its place."""
        hand.leaving = True
        self._signal(hand, signal.SIGTERM)
        self._replace(hand)

    def hand_over(self, hand: Hand) -> None:
        """Ask it to hand over."""
        self._signal(hand, signal.SIGUSR1)

    def freeze(self, hand: Hand) -> None:
        """SIGSTOP, until `thaw`."""
        self._signal(hand, signal.SIGSTOP)

    def thaw(self, hand: Hand) -> None:
        """SIGCONT."""
        self._signal(hand, signal.SIGCONT)

    def hold(self, hand: Hand, tenths: int) -> None:
        """Have a call into C keep the interpreter's lock for that many tenths of a ttl, at most 30."""
        self._signal(hand, HOLD + tenths - 1)

    def exhaust(self, hand: Hand) -> AbstractContextManager[None]:
        """Leave it no descriptor inside the block. Not before it has started: without any it cannot."""
        end = time.monotonic() + START
        while not (hand.journal.exists() and hand.journal.stat().st_size) and time.monotonic() < end:
            time.sleep(0.02)
        return no_descriptors(hand.pid)

    def step_clock(self, hand: Hand, seconds: int) -> None:
        """Set its wall clock wrong by so much, or right with 0."""
        new = clock_file(hand.journal).with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(clock_file(hand.journal))

    def _replace(self, hand: Hand) -> None:
        self.hands.remove(hand)
        self.past.append(hand)
        hand.slot.heal()
        self._join(hand.slot)

    def _signal(self, hand: Hand, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(hand.pidfd, number)

    # ------------------------------------------------------------ the end

    def dismiss(self) -> None:
        """Have all leave."""
        for hand in self.hands:
            hand.slot.heal()
            self.thaw(hand)
            hand.leaving = True
            self._signal(hand, signal.SIGTERM)

    def say_where(self) -> None:
        """Have those that have not ended write into their log where they hang."""
        for hand in (*self.hands, *self.past):
            self._signal(hand, signal.SIGUSR2)

    def gone(self) -> bool:
        """Tell whether all have ended."""
        ended, _, _ = select.select([hand.pidfd for hand in (*self.hands, *self.past)], [], [], 0)
        return len(ended) == len(self.hands) + len(self.past)

    def close(self) -> None:
        """Free what stands for the processes, and the ways to the store."""
        for hand in (*self.hands, *self.past):
            os.close(hand.pidfd)
        for slot in self.slots:
            for proxy in slot.proxies:
                proxy.close()
