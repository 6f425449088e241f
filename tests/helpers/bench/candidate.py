"""A process with candidates: it says who leads since when, and hands over when it is told to.

`python -m bench.candidate KIND ADDRESS NAME TTL COUNT CYCLES` imports nothing that its kind does not need: its memory
is measured. It says `leads INDEX SECONDS` and `goes INDEX SECONDS`, on the machine's monotonic clock; each line that it
reads is the index of a leader that is to hand over. With CYCLES it leads so often instead, and says what that took.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .floors import Contender

__all__ = ["KINDS"]

#: Seconds for which who has handed over stands aside; ours do so by themselves.
ASIDE = 0.1
#: What may be measured: the module, and the name in it.
KINDS = {
    "incumbent": ("candidate", "Ours"),
    "flock": ("floors", "Flock"),
    "etcd": ("floors", "Etcd"),
    "consul": ("floors", "Consul"),
    "redis": ("floors", "Redis"),
    "postgres": ("floors", "Postgres"),
    "python-etcd3": ("libraries", "EtcdLock"),
    "python-consul": ("libraries", "ConsulLoop"),
    "sherlock": ("libraries", "SherlockRedis"),
    "tooz": ("libraries", "TooLock"),
}


class Ours:
    """A candidate with an engine, and connections, that it shares with nobody, as in a process of its own."""

    def __init__(self, address: str, name: str, ttl: float, cooldown: float | None = None) -> None:
        from incumbent import LeaderElection, LeaderElectionConfig, Runner

        config = LeaderElectionConfig(name, ttl=ttl, relinquish_interval=None, cooldown=cooldown)
        self._election = LeaderElection(config, address, runner=Runner())
        self._begun = False

    def lead(self) -> None:
        if not self._begun:
            self._begun = True
            self._election.__enter__()
        self._election.wait_for_leadership()

    def give_up(self) -> None:
        self._election.relinquish()


def say(text: str) -> None:
    """Write a line, whole, whatever other threads write."""
    os.write(1, f"{text}\n".encode())


def campaign(contender: Contender, index: int, orders: queue.SimpleQueue[None], *, aside: float) -> None:
    """Lead, and hand over when told to, for ever; what fails ends the process, which tells whoever waits for it."""
    threading.excepthook = lambda failed: (sys.__excepthook__(*failed[:3]), os._exit(1))
    while True:
        contender.lead()
        say(f"leads {index} {time.monotonic()}")
        orders.get()
        say(f"goes {index} {time.monotonic()}")
        contender.give_up()
        time.sleep(aside)


def main(kind: str, address: str, name: str, ttl: str, count: str, cycles: str) -> None:
    """Do as the arguments say, until stdin ends."""
    module, title = KINDS[kind]
    maker = Ours if kind == "incumbent" else getattr(__import__(f"bench.{module}", fromlist=[title]), title)
    if int(cycles):
        contender = Ours(address, name, float(ttl), 0) if kind == "incumbent" else maker(address, name, float(ttl))
        contender.lead()  # what is made once is made
        contender.give_up()
        began = time.monotonic()
        for _ in range(int(cycles)):
            contender.lead()
            contender.give_up()
        say(f"took {time.monotonic() - began}")
        os._exit(0)
    orders: list[queue.SimpleQueue[None]] = [queue.SimpleQueue() for _ in range(int(count))]
    for index, own in enumerate(orders):
        contender = maker(address, name, float(ttl))
        aside = 0.0 if kind == "incumbent" else ASIDE
        threading.Thread(target=campaign, args=(contender, index, own), kwargs={"aside": aside}, daemon=True).start()
    for line in sys.stdin:
        orders[int(line)].put(None)
    os._exit(0)  # whoever has started it wants its place, not its farewell


if __name__ == "__main__":
    main(*sys.argv[1:])
