"""The same with an election, on the same server."""

import os

from incumbent import LeaderElection, LeaderElectionConfig, Term


def make_reports(term: Term) -> None:
    """Make reports for as long as this copy leads."""
    while term.is_valid():
        print("a report by", term.candidate, "fenced by token", term.token, flush=True)
        term.wait(timeout=1)


config = LeaderElectionConfig(
    lock_id="service/reports",
    relinquish_interval=None,  # lead for as long as possible
    on_elected=make_reports,
)
LeaderElection(config, os.environ["REDIS_URL"]).run()
