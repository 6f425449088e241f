"""Makes a report every second, in one copy of this program at a time."""

import asyncio
import os
import signal

from incumbent import AsyncLeaderElection, LeaderElectionConfig, Term


async def work(term: Term) -> None:
    """Work for ever; this is cancelled when the term is over."""
    while True:
        print(term.candidate, "makes a report, fenced by token", term.token, flush=True)
        await asyncio.sleep(1)


async def main() -> None:
    """Campaign until SIGTERM or Ctrl-C."""
    config = LeaderElectionConfig(lock_id="service/reports", relinquish_interval=None, on_elected=work)
    election = AsyncLeaderElection(config, os.environ.get("INCUMBENT_ELECTOR", "local://"))
    campaign = asyncio.create_task(election.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, campaign.cancel)
    await asyncio.wait({campaign})  # cancelled, it hands over before it ends
    if not campaign.cancelled():
        campaign.result()  # raises what has ended the election


if __name__ == "__main__":
    asyncio.run(main())
