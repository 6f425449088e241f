"""What electors with connections and threads survive: forks, and the end of a process. Plugins' tests inherit it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import time
import warnings
from functools import partial

import pytest
from patience import PATIENCE, lead, side_by_side
from programs import forked

from incumbent import InvalidStateError, LeaderElection, LeaderElectionConfig, read_leader

#: How a child may end.
ENDINGS = ("sys.exit(0)", "os._exit(0)", "return")
#: Part of a program: leads the election of its second argument once.
CAMPAIGN = """
    def campaign(url):
        from incumbent import BackendSettings, open_backend
        backend = open_backend(url, BackendSettings(15.0, 5.0))
        elector = backend.elector(sys.argv[2], "a")
        assert elector.acquire_leadership() is not None
        assert elector.check_leadership() is not None
        assert elector.relinquish_leadership()
        backend.close()
    """


def run(program: str, *arguments: str, environment: dict[str, str] | None = None, strict: bool = False) -> str:
    """Run *program* in a fresh interpreter, and return what it prints; if *strict*, nothing in it may warn."""
    done = subprocess.run(
        [sys.executable, *(["-W", "error"] if strict else []), "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * PATIENCE,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or not strict, done.stderr
    return done.stdout.strip()


class Endings:
    """Tests for a subclass, whose module has the fixtures `url` and `name`."""

    def test_process_that_ends_without_closing_leaves_no_claim(self, url, name):
        """P8: who led or waited in a process that ends without a word is gone with it, long before the ttl."""
        assert run(LEAVER, url, name, strict=True) == "leads"
        assert [read_leader(url, each).candidate for each in (name, f"{name}/2")] == [None, None]
        with LeaderElection(LeaderElectionConfig(name, relinquish_interval=None), url) as election:
            assert election.wait_for_leadership(timeout=PATIENCE) is not None


class Forks:
    """Tests for a subclass, whose module has the fixtures `url`, `name` and `opened`."""

    #: A module of the client library, which the first call imports.
    library: str

    @pytest.fixture(autouse=True)
    def _forking(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: this process has threads; that is the point
            yield

    def test_forked_child_is_refused_and_the_parent_goes_on(self, opened, name):
        """P9: In a forked child every call is InvalidStateError, closing does nothing, and the parent leads on."""
        backend = opened()
        elector = backend.elector(name, "parent")
        claim = lead(elector)
        elector.observe_leadership()
        calls = ("acquire_leadership", "check_leadership", "relinquish_leadership", "observe_leadership")

        def child() -> None:
            for call in calls:
                with pytest.raises(InvalidStateError):
                    getattr(elector, call)()
            elector.close()
            backend.close()

        with forked(child):
            for _ in range(5):
                assert elector.check_leadership() is not None
        assert elector.check_leadership().token == claim.token

    def test_child_ends_without_a_hang(self, url, name):
        """P9: Children of a leader end promptly, however they end, and the leader leads on with the same term."""

        def ends(ending: str) -> None:
            program = PARENT.replace("ENDING", ending)
            assert run(program, url, f"{name}/{ENDINGS.index(ending)}", strict=True) == "fine"

        side_by_side({ending: partial(ends, ending) for ending in ENDINGS})

    def test_forking_while_requests_are_out(self, url, name):
        """P9: Children forked in the middle of requests, again and again, neither hang nor disturb the leader."""
        often = {"leader_check_interval": 0.05, "request_timeout": 5.0}
        config = LeaderElectionConfig(name, ttl=30.0, relinquish_interval=None, **often)
        with LeaderElection(config, url) as election:
            term = election.wait_for_leadership(timeout=PATIENCE)
            for number in range(20):
                with forked(gc.collect):
                    time.sleep(0.01 * number)
            assert term.is_valid()
            assert election.term is term

    def test_forking_while_the_library_is_imported(self, url, name):
        """P9: A fork during the first import of the client library, which takes long, leaves the child able to."""
        assert run(FORKED_IMPORT, url, name, self.library) == "0"

    def test_everything_is_imported_before_the_first_request(self, url, name):
        """P9: What a request imports, a fork may tear apart: nothing is left to be imported by then."""
        assert run(IMPORTS, url, name) == "[]"


IMPORTS = """
    import sys
    from incumbent import BackendSettings, ElectionError, open_backend
    backend = open_backend(sys.argv[1], BackendSettings(15.0, 20.0))
    elector = backend.elector(sys.argv[2], "a")
    backend.start()
    before = set(sys.modules)
    for call in (elector.acquire_leadership, elector.check_leadership, elector.relinquish_leadership):
        try:
            call()
        except ElectionError:
            pass
    backend.close()
    print(sorted(sys.modules.keys() - before))
"""

FORKED_IMPORT = """
    import os, sys, threading, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    from incumbent import BackendSettings, open_backend
    url, name, library = sys.argv[1:]
    importing = threading.Event()

    class Slow:
        def find_spec(self, module, path=None, target=None):
            if module == library and not importing.is_set():
                importing.set()
                time.sleep(0.5)

    def use():
        backend = open_backend(url, BackendSettings(15.0, 20.0))
        elector = backend.elector(name, "a")
        backend.start()
        forked.wait()  # what it goes on with is another test's
        elector.acquire_leadership()
        backend.close()

    forked = threading.Event()
    os.register_at_fork(after_in_parent=forked.set, after_in_child=forked.set)
    sys.meta_path.insert(0, Slow())
    thread = threading.Thread(target=use)
    thread.start()
    importing.wait()
    pid = os.fork()
    if pid == 0:
        use()
        os._exit(0)
    end = time.monotonic() + 40
    while not (done := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < end:
        time.sleep(0.02)
    if not done[0]:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    thread.join()
    print("hangs" if not done[0] else os.waitstatus_to_exitcode(done[1]))
"""

LEAVER = """
    import atexit, sys, threading
    from incumbent import LeaderElection, LeaderElectionConfig
    from incumbent.engine import ending

    def election(name):
        config = LeaderElectionConfig(name, ttl=60.0, request_timeout=20.0, relinquish_interval=None)
        made = LeaderElection(config, sys.argv[1])
        made.start()
        return made

    def refuse(thread):  # as Python does from 3.12 on
        raise RuntimeError("can't create new thread at interpreter shutdown")

    ending.LONGEST = 60.0
    leaders = [election(sys.argv[2]), election(sys.argv[2] + "/2")]
    for each in leaders:
        each.wait_for_leadership()
    follower = election(sys.argv[2])
    assert follower.wait_for_leadership(0.5) is None
    atexit.register(setattr, threading.Thread, "start", refuse)
    print("leads")
"""

PARENT = """
    import gc, os, sys, time, warnings
    warnings.simplefilter("ignore")
    from incumbent import LeaderElection, LeaderElectionConfig
    often = {"leader_check_interval": 0.2, "request_timeout": 10.0}
    config = LeaderElectionConfig(sys.argv[2], ttl=60.0, relinquish_interval=None, **often)
    election = LeaderElection(config, sys.argv[1])
    election.start()
    term = election.wait_for_leadership(timeout=60)

    def child():
        assert not election.is_leader()
        gc.collect()
        ENDING

    def fork():
        pid = os.fork()
        if pid == 0:
            child()
            return True
        end = time.monotonic() + 60
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if time.monotonic() > end:
                os.kill(pid, 9)
                sys.exit("the child hangs")
            time.sleep(0.01)
        return False

    for _ in range(3):
        if fork():
            break
    else:
        last = term.deadline + 1.0
        while term.deadline < last:  # it is renewed after the forks as well
            assert term.is_valid()
            time.sleep(0.01)
        election.close()
        print("fine")
"""
