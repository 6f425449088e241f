"""The same here: the function gets its term, and ends with it."""

import os

from incumbent import LeaderElection, LeaderElectionConfig, Term


def make_reports(term: Term) -> None:
    """Make reports until the term is over."""
    while term.is_valid():
        print("a report by", term.candidate, "fenced by token", term.token, flush=True)
        term.wait(timeout=1)


config = LeaderElectionConfig(
    lock_id="service/reports",
    relinquish_interval=None,  # lead for as long as possible, as there
    on_elected=make_reports,
)
LeaderElection(config, os.environ["INCUMBENT_ELECTOR"]).run()
