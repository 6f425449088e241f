"""Runs the jobs of one scheduler while this copy of the program leads, and pauses it otherwise."""

import os
import signal
import threading

from apscheduler.schedulers.background import BackgroundScheduler

from incumbent import LeaderElection, LeaderElectionConfig, Reason, Term

scheduler = BackgroundScheduler()
working = threading.Lock()  # held by the job that runs


def make_report() -> None:
    """Make one report."""
    with working:
        term = election.term  # looked at by each run: one may have been started just before the pause
        if term is not None:
            print(term.candidate, "makes a report, fenced by token", term.token, flush=True)


def elected(_: Term) -> None:
    """Let the jobs run."""
    scheduler.resume()


def deposed(_: Term, __: Reason) -> None:
    """Let no more jobs run, and wait for the one that does: until this returns, a hand-over keeps the claim."""
    scheduler.pause()
    with working:
        pass


config = LeaderElectionConfig(
    lock_id="service/reports", relinquish_interval=None, on_elected=elected, on_deposed=deposed
)
election = LeaderElection(config, os.environ.get("INCUMBENT_ELECTOR", "local://"))


def main() -> None:
    """Campaign until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    scheduler.add_job(make_report, "interval", seconds=1)
    scheduler.start(paused=True)
    try:
        election.run(stop)
    finally:
        scheduler.shutdown()


if __name__ == "__main__":
    main()
