"""A process that leads many elections: `python -m bench.thousand URL COUNT` says what that took, as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from pathlib import Path

from incumbent import LeaderElection, LeaderElectionConfig


def main(url: str, count: str) -> None:
    """Lead *count* elections, say what it took, and leave without a farewell."""
    name = uuid.uuid4().hex[:8]

    def election(number: int) -> LeaderElection:
        return LeaderElection(LeaderElectionConfig(f"{name}/{number}", relinquish_interval=None), url)

    first = election(0)
    first.__enter__()
    first.wait_for_leadership()
    before, began = _memory(), time.monotonic()
    elections = [election(number) for number in range(1, int(count))]
    for each in elections:
        each.__enter__()
    for each in elections:
        each.wait_for_leadership()
    took = time.monotonic() - began
    each_kb = (_memory() - before) / 1000 / int(count)
    print(json.dumps({"seconds": took, "kB": each_kb, "threads": threading.active_count()}), flush=True)
    os._exit(0)


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(*sys.argv[1:])
