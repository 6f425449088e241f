"""Other people's threads: elections run on gevent's greenlets as they should be, and refuse the rest in one line."""

from __future__ import annotations

import pytest
from forking import run
from greenlets import ELECTIONS, PATCHED
from oneline import LONGEST

ELSEWHERE = "run the election in a process of its own (incumbent run)"
EVENTLET = f"elections do not work on the threads and files that eventlet puts in the place of Python's: {ELSEWHERE}"


@pytest.mark.parametrize("scheme", ["memory", "local"])
def test_greenlets_lead_fork_hand_over_and_leave(scheme, tmp_path):
    """Among greenlets one candidate leads, and is succeeded with a later token; a fork leads nothing."""
    url = "memory://" if scheme == "memory" else f"local://{tmp_path}/elections"
    assert run(PATCHED + ELECTIONS, url, "service/reports") == "fine"


LATE = f"call gevent.monkey.patch_all() before anything else is imported, or {ELSEWHERE}"
IN_PART = f"in which one greenlet would stop all: call gevent.monkey.patch_all() without exceptions, or {ELSEWHERE}"

#: What is done first, and then, and what is said of it.
REFUSED = {
    "eventlet": ("import eventlet; eventlet.monkey_patch()", "import incumbent.registry", EVENTLET),
    "eventlet in part": ("import eventlet; eventlet.monkey_patch(os=True)", "import incumbent.registry", EVENTLET),
    "gevent, late": (
        "import incumbent.registry",
        "import gevent.monkey; gevent.monkey.patch_all()",
        f"gevent has replaced Python's threading and select after elections were imported: {LATE}",
    ),
    "gevent, late and in part": (
        "import incumbent.registry",
        "import gevent.monkey; gevent.monkey.patch_all(thread=False)",
        f"gevent has replaced Python's select after elections were imported: {LATE}",
    ),
    "gevent in part": (
        "import gevent.monkey; gevent.monkey.patch_all(select=False, queue=False)",
        "import incumbent.registry",
        f"gevent has replaced Python's threading, but not queue, select, {IN_PART}",
    ),
}

USE = """
import incumbent

class Own(incumbent.LeaderElector):
    def __init__(self):
        self.lock_id, self.candidate = "job", "a"
    def acquire_leadership(self): return None
    check_leadership = relinquish_leadership = observe_leadership = close = acquire_leadership

config = incumbent.LeaderElectionConfig("job")
for use in (
    lambda: incumbent.LeaderElection(config, "memory://"),
    lambda: incumbent.AsyncLeaderElection(config, Own()),
    lambda: incumbent.read_leader("local://", "job"),
):
    try:
        use()
    except incumbent.ConfigurationError as error:
        print(error)
"""


@pytest.mark.parametrize("kind", REFUSED)
def test_threads_on_which_elections_would_hang_are_refused(kind):
    """Whoever would wait for ever is told so at once, in one line that says what to do: candidate or observer."""
    first, second, refusal = REFUSED[kind]
    assert len(refusal) < LONGEST
    assert run(f"{first}\n{second}\n{USE}").splitlines() == 3 * [refusal]


def test_libraries_that_are_only_there_change_nothing():
    """Python's own threads stay as good as they were."""
    program = """
    import eventlet.patcher, gevent.monkey
    import os, sys, threading, time
    """
    assert run(program + ELECTIONS, "memory://", "job") == "fine"


def test_real_threads_beside_gevents_sockets_lead():
    """Where threads are left as they are, each waits by itself in what else gevent has replaced."""
    program = """
    from gevent import monkey
    monkey.patch_all(thread=False)
    import os, sys, threading, time
    """
    assert run(program + ELECTIONS, "memory://", "job") == "fine"
