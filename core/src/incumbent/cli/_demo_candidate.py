"""One candidate of `incumbent demo`, as a process: works while it leads, and writes down when.

    python -m incumbent.cli._demo_candidate URL NAME CANDIDATE

Each fact is one line of JSON on stdout, stamped with `boottime()`. A line on stdin asks it to
relinquish; the end of stdin, which also comes when the demo itself is killed, asks it to leave.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import TYPE_CHECKING

from incumbent.clock import boottime
from incumbent.config import LeaderElectionConfig
from incumbent.election import LeaderElection
from incumbent.errors import InvalidStateError

if TYPE_CHECKING:
    from incumbent.state import Reason
    from incumbent.term import Term

#: Seconds between two pieces of work.
PACE = 0.3
#: Seconds after which a candidate without leadership looks whether it is to leave.
GLANCE = 0.1


def main(url: str, name: str, candidate: str) -> None:
    """Stand as *candidate* in election *name* at *url* until stdin ends."""
    leave = threading.Event()
    config = LeaderElectionConfig(name, relinquish_interval=None, candidate=candidate, on_deposed=_write_end)
    with LeaderElection(config, url) as election:
        threading.Thread(target=_listen, args=(election, leave), daemon=True).start()
        _stand(election, leave)


def _stand(election: LeaderElection, leave: threading.Event) -> None:
    """Wait for leadership and work, again and again."""
    follows = False
    while not leave.is_set():
        term = election.wait_for_leadership(timeout=GLANCE)
        if term is not None:
            _work(term, leave)
        elif not follows and election.is_follower():
            follows = True
            _write(boottime(), "follows")


def _work(term: Term, leave: threading.Event) -> None:
    """Work until the term is over or the candidate is to leave."""
    event = "begin"
    while not leave.is_set():
        at = boottime()  # before the question: what is valid after it was valid then, for no term becomes valid again
        if not term.is_valid():
            return
        _write(at, event, term.token)
        if event == "work":
            term.wait(PACE)
        event = "work"


def _listen(election: LeaderElection, leave: threading.Event) -> None:
    """Do what stdin says; read raw, since a thread inside `sys.stdin` could not be left behind at exit."""
    while os.read(sys.stdin.fileno(), 64):
        with contextlib.suppress(InvalidStateError):  # no leader any more: then the demo sees that nobody hands over
            election.relinquish()
    leave.set()


def _write_end(term: Term, reason: Reason) -> None:
    _write(boottime(), "end", term.token, str(reason.value))


def _write(at: float, event: str, token: int = 0, detail: str = "") -> None:
    """Write one line at once and in one piece: the next instruction may be SIGKILL's."""
    line = json.dumps({"at": at, "event": event, "token": token, "detail": detail}) + "\n"
    os.write(sys.stdout.fileno(), line.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
