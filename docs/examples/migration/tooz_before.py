"""An election of tooz's: a loop runs for the office, and is told when it is won."""

import contextlib
import os
import time

from tooz import coordination

GROUP = b"reports"
leads = False


def elected(_: coordination.LeaderElected) -> None:
    """Take the office. Nothing says when it is lost."""
    global leads  # noqa: PLW0603
    leads = True


me = f"host-{os.getpid()}".encode()
coordinator = coordination.get_coordinator(os.environ["TOOZ_URL"], me)
coordinator.start(start_heart=True)
with contextlib.suppress(coordination.GroupAlreadyExist):
    coordinator.create_group(GROUP).get()
coordinator.join_group(GROUP).get()
coordinator.watch_elected_as_leader(GROUP, elected)
while True:
    coordinator.run_watchers()
    coordinator.run_elect_coordinator()
    if leads:
        print("a report", flush=True)
    time.sleep(1)
