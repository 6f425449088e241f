"""A crash costs milliseconds: what gives the term of a dead process up, on a real server of each kind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import redis_stage
from patience import PATIENCE, eventually
from programs import started
from stores import STORES

#: Seconds. Whoever is elected within SOON after a kill has not waited for it: a claim is renewed five times in a ttl.
TTL, SOON = 60, 40.0
SERVERS = ("consul", "consul+check", "etcd", "postgres", "redis")
#: Writes down that it works, and on which process group.
WORK = 'echo "$INCUMBENT_CANDIDATE $INCUMBENT_TOKEN $$" >>"$0"; exec sleep 600'


@pytest.fixture(scope="module", params=SERVERS)
def url(request, tmp_path_factory):
    """Return where elections can be held at once, with any ttl."""
    store = STORES[request.param](tmp_path_factory.mktemp("store"))
    if request.param == "redis":
        redis_stage.come_of_age(store.server)
    yield store.url
    store.close()


def worked(log: Path) -> list[tuple[str, int, int]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [(candidate, int(token), int(group)) for candidate, token, group in map(str.split, lines)]


def running(url, log, candidate):
    options = ["--elector", url, "--name", "job", "--ttl", str(TTL), "--id", candidate]
    command = [sys.executable, "-m", "incumbent", "run", *options, "--", "sh", "-c", WORK, log]
    return started(*command, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("also", ["command", "wrapper alone"])
def test_killed_run_is_succeeded_at_once(url, tmp_path, also):
    """P11: SIGKILL to the wrapper, with the command or without: the next one works long before the ttl is over."""
    log = tmp_path / "worked"
    with running(url, log, "a") as a:
        ((_, first, group),) = eventually(lambda: worked(log))
        with running(url, log, "b") as b:
            a.kill()
            if also == "command":
                with suppress(ProcessLookupError):  # the guard was faster
                    os.killpg(group, signal.SIGKILL)
            successor, token, _ = eventually(lambda: worked(log)[1:], SOON)[0]
            b.terminate()  # one that is killed has a guard, which would go on asking a server that is stopped
            b.wait(PATIENCE)
    assert successor == "b"
    assert token > first


#: Leads until stdin ends, or it is killed.
LIBRARY = """
import asyncio, sys
from incumbent import AsyncLeaderElection, LeaderElection, LeaderElectionConfig

url, ttl, candidate, facade = sys.argv[1:]
options = {"ttl": float(ttl), "candidate": candidate, "relinquish_interval": None, "relinquish_on_crash": True}
config = LeaderElectionConfig("library", **options)

def lead():
    with LeaderElection(config, url) as election:
        print(election.wait_for_leadership().token, flush=True)
        sys.stdin.read()

async def lead_too():
    async with AsyncLeaderElection(config, url) as election:
        print((await election.wait_for_leadership()).token, flush=True)
        await asyncio.to_thread(sys.stdin.read)

lead() if facade == "threads" else asyncio.run(lead_too())
"""


def leading(url, candidate, facade):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return started(sys.executable, "-c", LIBRARY, url, TTL, candidate, facade, **pipes)


@pytest.mark.parametrize("facade", ["threads", "asyncio"])
def test_killed_process_is_succeeded_at_once(url, facade):
    """P11: SIGKILL to a process with an executor: the next one leads long before the ttl is over, and ends in order."""
    with leading(url, "a", facade) as a:
        first = int(a.stdout.readline())
        with leading(url, "b", facade) as b:
            a.kill()
            elected, _, _ = select.select([b.stdout], [], [], SOON)
            assert elected, "nobody is elected"
            assert int(b.stdout.readline()) > first
            b.stdin.close()
            assert b.wait(PATIENCE) == 0
