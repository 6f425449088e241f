"""Elections among gevent's greenlets, with the real library, in a child: every elector inherits these."""

from __future__ import annotations

import re
import socket
from typing import ClassVar

from forking import run

from incumbent.testing import free_port

__all__ = ["Greenlets"]

PATCHED = """
    from gevent import monkey
    monkey.patch_all()
    import os, sys, threading, time
    """

ELECTIONS = """
    from incumbent import LeaderElection, LeaderElectionConfig
    config = LeaderElectionConfig(
        sys.argv[2], ttl=30.0, request_timeout=20.0, leader_check_interval=0.1, cooldown=60.0, relinquish_interval=None
    )
    first, second = LeaderElection(config, sys.argv[1]), LeaderElection(config, sys.argv[1])
    first.start()
    term = first.wait_for_leadership(60)
    deadline = term.deadline
    while term.deadline == deadline < float("inf"):
        time.sleep(0.01)
    reader, writer = os.pipe()  # gevent's `waitpid` may wait for ever for a child that has ended early
    if os.fork() == 0:
        os.write(writer, str(first.is_leader()).encode())
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 9) == b"False"
    second.start()
    first.relinquish()
    assert second.wait_for_leadership(60).token > term.token
    second.close()
    first.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("incumbent") for name in names), names
    print("fine")
    """

SILENCE = """
    from incumbent import BackendSettings, ElectionError, open_backend
    elector = open_backend(sys.argv[1], BackendSettings(30.0, 20.0)).elector("job", "a")
    done = threading.Event()
    def request():
        try:
            elector.acquire_leadership()
        except ElectionError as error:
            print(error, file=sys.stderr)
        done.set()
    threading.Thread(target=request).start()
    for _ in range(5):
        time.sleep(0.01)
    assert not done.is_set(), "it was waited for"
    print("fine", flush=True)
    os._exit(0)
    """


class Greenlets:
    """Tests for a subclass, whose module has the fixtures `url`, of a server on loopback, and `name`."""

    #: What the application has to do besides.
    prepare: ClassVar[str] = ""

    def test_greenlets_lead_renew_fork_hand_over_and_leave(self, url, name):
        """Among greenlets one candidate leads, renews, and is succeeded with a later token; a fork leads nothing."""
        assert run(PATCHED + self.prepare + ELECTIONS, url, name) == "fine"

    def test_other_greenlets_run_while_a_server_is_silent(self, url):
        """P10: A request that nobody answers keeps no other greenlet waiting."""
        with socket.create_server(("127.0.0.1", port := free_port())):
            silent = re.sub(r":\d+(?=/|\?|$)", f":{port}", url)
            assert silent != url
            assert run(PATCHED + self.prepare + SILENCE, silent) == "fine"
