"""Thousands of terms in one process: threads, descriptors, memory and what the store keeps are at the end as before.

`nox -s soak -- --elector NAME --terms 10000`
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path

from stores import STORES, Store

from incumbent import LeaderElection, LeaderElectionConfig

#: Terms after which what is only made once has been made; and seconds between two lines of progress.
WARM, PROGRESS = 300, 5.0
#: Seconds in which nothing changes any more, and that a term may be waited for.
SETTLED, PATIENCE = 0.1, 60.0
#: What memory may grow by, MiB: a timer that was replaced is kept until it is due, so for some ten seconds.
GROWTH = 8.0
#: Threads or connections of a pool that may be made late, when so many calls meet for the first time.
POOLED = 2


@dataclass(frozen=True)
class Measure:
    """What a process has."""

    threads: int
    descriptors: int
    mebibytes: float
    #: Leases or sessions that the server knows.
    claims: int

    @classmethod
    def take(cls, claims: int) -> Measure:
        """Measure this process now."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            threading.active_count(),
            len(list(Path("/proc/self/fd").iterdir())),
            pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            claims,
        )


class Leader:
    """Hands over as soon as it leads, until it has led so often as it is told; then it stays."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._terms = self._target = self._token = 0

    def elected(self, term) -> None:
        """Count a term."""
        with self._changed:
            assert term.token > self._token, f"token {term.token} after {self._token} (P4)"
            self._token = term.token
            self._terms += 1
            self._changed.notify_all()

    def leads(self, election) -> None:
        """Hand over, or stay."""
        if self._terms < self._target:
            election.relinquish()

    def lead(self, election, terms: int) -> None:
        """Wait until it has led *terms* times in all."""
        self._target = terms
        if election.is_leader():
            election.relinquish()
        while self._terms < terms:
            with self._changed:
                self._changed.wait_for(lambda: self._terms >= terms, PROGRESS)
            election.wait_for_leadership(PATIENCE)  # raises what has ended it
            print(f"{self._terms} of {terms} terms", flush=True)

    def measure(self, store: Store) -> Measure:
        """Measure while it leads and nothing else happens: until two looks in a row see the same."""
        before, after = None, Measure.take(store.claims())
        while before != after:
            time.sleep(SETTLED)
            before, after = after, Measure.take(after.claims)
        return after


def soak(elector: str, terms: int, folder: Path) -> tuple[Measure, Measure, float]:
    """Lead *terms* times; return what was measured when warm and at the end, and how long it took."""
    store = STORES[elector](folder)
    leader = Leader()
    config = LeaderElectionConfig(
        "soak", relinquish_interval=None, cooldown=0, on_elected=leader.elected, leader_callback=leader.leads
    )
    began = time.monotonic()
    try:
        with LeaderElection(config, store.url) as election:
            leader.lead(election, WARM)
            warm = leader.measure(store)
            leader.lead(election, terms)
            end = leader.measure(store)
    finally:
        store.close()
    return warm, end, time.monotonic() - began


def grown(warm: Measure, end: Measure) -> list[str]:
    """Return what there is more of; a leak leaves something for each of hundreds of terms."""
    limits = Measure(warm.threads + POOLED, warm.descriptors + POOLED, warm.mebibytes + GROWTH, warm.claims)
    return [field.name for field in fields(Measure) if getattr(end, field.name) > getattr(limits, field.name)]


def main() -> int:
    """Return 0 if nothing has grown."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--elector", choices=sorted(STORES), required=True)
    parser.add_argument("--terms", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="incumbent-soak-") as folder:
        warm, end, took = soak(args.elector, args.terms, Path(folder))
    print(f"{args.elector}: {args.terms} terms in {took:.0f} s\n  after {WARM}: {warm}\n  at the end: {end}")
    more = grown(warm, end)
    print("nothing has grown" if not more else f"GROWN: {', '.join(more)}")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
