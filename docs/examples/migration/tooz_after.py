"""The same here: the election runs by itself, and the loop asks its term."""

import os
import time

from incumbent import LeaderElection, LeaderElectionConfig, Term


def make_report(term: Term) -> None:
    """Make one report."""
    print("a report by", term.candidate, "fenced by token", term.token, flush=True)


config = LeaderElectionConfig(lock_id="reports", relinquish_interval=None)
with LeaderElection(config, os.environ["INCUMBENT_ELECTOR"]) as election:
    while True:
        term = election.term  # None unless this copy leads at this moment
        if term is not None:
            make_report(term)
        time.sleep(1)
