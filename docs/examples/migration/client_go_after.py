"""The same here, with the same durations."""

import asyncio
import os

from incumbent import AsyncLeaderElection, LeaderElectionConfig, LeaderRecord, Term


async def make_reports(term: Term) -> None:
    """Make reports for ever; this is cancelled when the term is over."""
    while True:
        print("a report by", term.candidate, "fenced by token", term.token, flush=True)
        await asyncio.sleep(1)


def tell(record: LeaderRecord) -> None:
    """Say who leads."""
    print(record.candidate, "leads", flush=True)


config = LeaderElectionConfig(
    lock_id="service/reports",
    candidate=os.environ.get("POD_NAME"),  # None: host, process and a random number
    relinquish_interval=None,
    ttl=15,  # LeaseDuration
    renew_deadline=10,
    leader_check_interval=2,  # RetryPeriod
    on_elected=make_reports,
    on_leader_changed=tell,
)
asyncio.run(AsyncLeaderElection(config, os.environ["INCUMBENT_ELECTOR"]).run())
