"""Runs scheduled jobs, in one copy of this program at a time."""

import os
import signal
import threading

from apscheduler.schedulers.background import BackgroundScheduler

from incumbent import LeaderElection, LeaderElectionConfig, Term


def make_report(term: Term) -> None:
    """Make one report."""
    if term.is_valid():
        print(term.candidate, "makes a report, fenced by token", term.token, flush=True)


def schedule(term: Term) -> None:
    """Have a scheduler of this term's own until it is over."""
    scheduler = BackgroundScheduler()
    scheduler.add_job(make_report, "interval", seconds=1, args=[term])
    scheduler.start()
    term.wait()
    scheduler.shutdown()  # waits for the job that runs; until this returns, a hand-over keeps the claim


def main() -> None:
    """Campaign until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    config = LeaderElectionConfig(lock_id="service/reports", relinquish_interval=None, on_elected=schedule)
    LeaderElection(config, os.environ.get("INCUMBENT_ELECTOR", "local://")).run(stop)


if __name__ == "__main__":
    main()
