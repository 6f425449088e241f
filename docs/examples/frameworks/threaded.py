"""Makes a report every second, in one copy of this program at a time."""

import os
import signal
import threading

from incumbent import LeaderElection, LeaderElectionConfig, Term


def work(term: Term) -> None:
    """Work in short pieces until the term is over."""
    while term.is_valid():
        print(term.candidate, "makes a report, fenced by token", term.token, flush=True)
        term.wait(timeout=1)  # sleeps, but wakes up when the term is over


def main() -> None:
    """Campaign until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    config = LeaderElectionConfig(lock_id="service/reports", relinquish_interval=None, on_elected=work)
    LeaderElection(config, os.environ.get("INCUMBENT_ELECTOR", "local://")).run(stop)


if __name__ == "__main__":
    main()
