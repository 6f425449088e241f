"""The end of a process that has closed nothing: what it leads is given up, or it is said why not, and it ends soon."""

import signal
import subprocess
import sys
import textwrap

import pytest
from programs import started

PROGRAM = """
import atexit, os, sys, threading, time
from incumbent import LeaderElection, LeaderElectionConfig, read_leader
from incumbent.engine import ending

URL = "memory://ending"
ending.LONGEST = 100

def say(*words):
    print(*words, flush=True)

def candidate(name="reports", **options):
    config = LeaderElectionConfig(lock_id=name, relinquish_interval=None, candidate="a", **options)
    election = LeaderElection(config, URL)
    election.start()
    return election

def led(name="reports"):
    told = threading.Event()
    election = candidate(
        name,
        on_elected=lambda term: told.set(),
        on_deposed=lambda term, reason: say("deposed:", reason.value),
    )
    assert told.wait(60)
    return election

def shows():
    say("leads:", read_leader(URL, "reports").candidate)
"""


def run(program):
    """Run *program* in an interpreter of its own; return its exit code, what it prints, and its complaints."""
    text = PROGRAM + textwrap.dedent(program)
    with started(sys.executable, "-c", text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out.splitlines(), err


@pytest.mark.parametrize(
    ("end", "code", "complaint"),
    [
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("os.kill(os.getpid(), 2); time.sleep(60)", -signal.SIGINT, "KeyboardInterrupt"),
        ("threading.Thread(target=sys.exit).start()", 0, ""),
    ],
    ids=["return", "exit", "error", "interrupt", "thread"],
)
def test_process_that_ends_gives_up_what_it_leads(end, code, complaint):
    """P8: however Python comes to its end, the term is over, the callbacks return, and the claim is given up."""
    found, said, complained = run(f"atexit.register(shows)\nled()\n{end}")
    assert said == ["deposed: stopped", "leads: None"]
    assert found == code
    assert complained.strip().rpartition("\n")[2] == complaint


def test_child_of_multiprocessing_gives_up_what_it_leads():
    """P8: a process of `multiprocessing` ends without Python's own hooks; what it leads is given up all the same."""
    code, said, complained = run("""
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=led)
        process.start()
        process.join(60)
        say("ended with", process.exitcode)
    """)
    assert said == ["deposed: stopped", "ended with 0"]
    assert (code, complained) == (0, "")


def test_forked_child_ends_nothing_of_its_parent():
    """P9: the end of a forked child waits for nothing, gives nothing up, and runs no callback."""
    code, said, complained = run("""
        import warnings
        warnings.simplefilter("ignore")  # from 3.12 on: this process has threads
        atexit.register(shows)
        election = led()
        if (pid := os.fork()) == 0:
            atexit.unregister(shows)
            sys.exit()
        assert os.waitpid(pid, 0)[1] == 0
        assert election.is_leader()
        say("leads on")
    """)
    assert said == ["leads on", "deposed: stopped", "leads: None"]
    assert (code, complained) == (0, "")


def test_threads_cannot_start_while_a_process_ends():
    """P8: since Python 3.12 no thread starts any more at the end; giving up needs none, for leader and follower."""
    code, said, complained = run("""
        def refuse(self):
            raise RuntimeError("can't create new thread at interpreter shutdown")

        atexit.register(shows)
        led()
        candidate()
        led("invoices")
        atexit.register(setattr, threading.Thread, "start", refuse)
    """)
    assert said == ["deposed: stopped", "deposed: stopped", "leads: None"]
    assert (code, complained) == (0, "")


def test_callback_that_does_not_return_is_named_and_keeps_the_claim():
    """P6, P10: the claim of a callback that goes on is not given up, the exit waits for a bounded time, and says so."""
    code, said, complained = run("""
        ending.LONGEST = 0.3
        atexit.register(shows)
        serving = threading.Event()

        def serve(term):
            serving.set()
            time.sleep(120)

        candidate(on_elected=serve)
        serving.wait(60)
    """)
    assert said == ["leads: a"]
    assert code == 0
    (line,) = complained.splitlines()
    assert line == (
        "<a of reports>: the process ends without close(), and waited 0.3 s for on_elected: a claim lasts until its "
        "ttl of 15 s has passed"
    )


def test_daemon_thread_that_waits_for_leadership_is_not_told():
    """A daemon thread that waits while the process ends is stopped by that, as by Python itself: no traceback."""
    code, said, complained = run("""
        def wait():
            waiting.wait_for_leadership()
            say("led")
            waiting.wait_for_leadership()

        led()
        waiting = candidate()
        threading.Thread(target=wait, daemon=True).start()
        leading = candidate("invoices")

        def lead():
            while leading.wait_for_leadership().wait():
                pass

        threading.Thread(target=lead, daemon=True).start()
        leading.wait_for_leadership()
    """)
    assert said == ["deposed: stopped"]
    assert (code, complained) == (0, "")


def test_process_that_closed_what_it_had_ends_without_a_word():
    """Who has closed everything, or led nothing, notices nothing of this."""
    code, said, complained = run("""
        atexit.register(shows)
        led().close()
    """)
    assert said == ["deposed: stopped", "leads: None"]
    assert (code, complained) == (0, "")


@pytest.mark.parametrize("way", ["open", "cancelled"])
def test_asyncio_program_that_ends_gives_up_what_it_leads(way):
    """P8: an election whose event loop has ended, or whose closing nobody awaited to its end, keeps no claim."""
    code, said, complained = run(
        """
        import asyncio
        from incumbent import AsyncLeaderElection
        atexit.register(shows)

        async def main():
            config = LeaderElectionConfig(lock_id="reports", relinquish_interval=None)
            election = AsyncLeaderElection(config, URL)
            await election.__aenter__()
            await election.wait_for_leadership()
            if WAY == "cancelled":
                closing = asyncio.create_task(election.close())
                await asyncio.sleep(0)
                closing.cancel()
                await asyncio.wait({closing})

        asyncio.run(main())
    """.replace("WAY", repr(way))
    )
    assert said == ["leads: None"]
    assert (code, complained) == (0, "")


def test_backend_that_does_not_answer_is_named_and_not_waited_for():
    """P10: a backend that hangs while the process ends puts its end off for a bounded time, and is said to be why."""
    code, _, complained = run("""
        from incumbent.electors.memory import MemoryElector
        MemoryElector.relinquish_leadership = lambda elector: time.sleep(120)
        ending.LONGEST = 1.0
        led()
    """)
    assert code == 0
    assert "the process ends without close(), and waited 1 s for the backend: a claim lasts until" in complained
