"""An election of kazoo's: the function is called when elected, and told nothing of a loss."""

import os
import time

from kazoo.client import KazooClient


def make_reports() -> None:
    """Make reports for ever."""
    while True:
        print("a report", flush=True)
        time.sleep(1)


client = KazooClient(hosts=os.environ["ZOOKEEPER"])
client.start()
client.Election("/service/reports", identifier="host-a").run(make_reports)
