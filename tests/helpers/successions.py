"""Records how long nobody leads at hand-overs and fail-overs on each store; `docs/_ext/pictures.py` draws that.

Two candidates, each a process: the leader hands over some times, then is killed some times, and the other one succeeds.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from patience import PATIENCE
from programs import end
from stores import STORES

from incumbent import LeaderElection, LeaderElectionConfig, boottime

RECORDED = Path(__file__).parents[2] / "docs/_ext/successions.json"
#: Seconds: the ttl of each, the shortest that servers grant as they are where that is longer.
TTL = {"local": 5, "etcd": 5, "consul+check": 5, "consul": 10, "postgres": 5, "redis": 5}
#: How often each is tried, and seconds that a candidate has to stand in line before.
HAND_OVERS, FAIL_OVERS, SETTLED = 15, 3, 2.0


class Candidate:
    """A candidate in a process of its own, which says when it leads."""

    def __init__(self, url: str, ttl: float) -> None:
        command = [sys.executable, __file__, str(ttl)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._say(url)  # it may hold a password, and is no argument

    def leads(self) -> float:
        """Wait until it leads; return since when, on the clock of the machine."""
        return self._heard()

    def hand_over(self) -> float:
        """Have it hand over; return when it began."""
        self._say("hand over")
        return self._heard()

    def kill(self) -> float:
        """Kill it; return when."""
        now = boottime()
        end(self._process)
        return now

    def _say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def _heard(self) -> float:
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())


def candidate(ttl: float) -> None:
    """Be one: say when a term begins, hand over when told to, and say when that began."""
    url = sys.stdin.readline().strip()
    config = LeaderElectionConfig(
        "service/reports",
        ttl=ttl,
        relinquish_interval=None,
        on_elected=lambda _: print(boottime(), flush=True),  # noqa: T201 - to the recorder
    )
    with LeaderElection(config, url) as election:
        for _ in sys.stdin:
            now = boottime()
            election.relinquish()
            print(now, flush=True)  # noqa: T201 - to the recorder


def record(url: str, ttl: float) -> dict[str, list[float]]:
    """Return how long nobody led, seconds: each hand-over, and each fail-over."""
    with contextlib.ExitStack() as stack:

        def new() -> Candidate:
            made = Candidate(url, ttl)
            stack.callback(made.kill)
            return made

        leader = new()
        leader.leads()
        other = new()
        hand_overs, fail_overs = [], []
        for _ in range(HAND_OVERS):
            time.sleep(SETTLED)
            began = leader.hand_over()
            leader, other = other, leader
            hand_overs.append(leader.leads() - began)
        for _ in range(FAIL_OVERS):
            time.sleep(SETTLED)
            began = leader.kill()
            leader = other
            fail_overs.append(leader.leads() - began)
            other = new()  # not before: it might be first
        return {"hand_over": hand_overs, "fail_over": fail_overs}


def stores() -> Iterator[dict[str, object]]:
    """Record each store."""
    for elector, ttl in TTL.items():
        with tempfile.TemporaryDirectory(prefix="incumbent-successions-") as folder:
            store = STORES[elector](Path(folder))
            try:
                if elector == "redis":  # one that was just started elects nobody for a while
                    wait_for_first_leader(store.url)
                found = record(store.url, ttl)
            finally:
                store.close()
        print(f"{elector}: {found}", flush=True)  # noqa: T201
        yield {"elector": f"{elector}://", "ttl": ttl, **found}


def wait_for_first_leader(url: str) -> None:
    """Return when somebody has been elected."""
    with LeaderElection(LeaderElectionConfig("service/first"), url) as election:
        assert election.wait_for_leadership(2 * PATIENCE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        candidate(float(sys.argv[1]))
    else:
        lines = [json.dumps(each) for each in stores()]
        RECORDED.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
