"""The programs on the page about moving here: those after are run, those before where their tool is at hand."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import consul_stage
import etcd_stage
import pytest
import redis_stage
import server_binaries
from patience import PATIENCE, eventually
from programs import started

from incumbent_consul.testing import ConsulServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/migration.md").read_text()
EXAMPLES = ROOT / "docs/examples/migration"
#: The tests have neither ZooKeeper nor Go, nor all that tooz brings along.
NOT_RUN = {"kazoo_before.py", "tooz_before.py", "client_go_before.go"}
AFTER = ("kazoo_after.py", "tooz_after.py", "client_go_after.py")
#: Whose command it is that runs: that of the tool before, or of a term.
MAKE_REPORTS = '#!/bin/sh\necho "${INCUMBENT_TOKEN:-before}" >> journal\nexec sleep 600\n'

for server in ("consul", "etcd", "redis"):  # before anything is started: their classes look there
    os.environ.setdefault(f"INCUMBENT_{server.upper()}_BIN", str(server_binaries.find(server)))


@pytest.fixture
def run(tmp_path):
    """Start a program of the page in an empty directory, as often as asked; what it prints is in its file."""
    with contextlib.ExitStack() as stack:

        def run(*command, **environment):
            path = [tmp_path, Path(sys.executable).parent, *map(tool_folder, ("consul", "etcd")), os.environ["PATH"]]
            settings = {**os.environ, "PATH": os.pathsep.join(map(str, path)), "PYTHONUNBUFFERED": "1", **environment}
            out = stack.enter_context((tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}").open("w+"))
            process = stack.enter_context(
                started(*command, cwd=tmp_path, env=settings, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            )
            process.printed = lambda: Path(out.name).read_text()
            return process

        (tmp_path / "make-reports").write_text(MAKE_REPORTS)
        (tmp_path / "make-reports").chmod(0o755)
        yield run


def tool_folder(name):
    return Path(os.environ[f"INCUMBENT_{name.upper()}_BIN"]).parent


def tokens(process):
    return [int(token) for token in re.findall(r"a report by \S+ fenced by token (\d+)", process.printed())]


def leader_of(copies):
    """Wait until one of *copies* has reported, and return it and the other."""
    leader = eventually(lambda: next((copy for copy in copies if tokens(copy)), None))
    return leader, next(copy for copy in copies if copy is not leader)


@pytest.mark.parametrize("example", AFTER)
def test_one_copy_reports_and_another_goes_on(run, tmp_path, example):
    """Of two copies of what comes after one reports; when it is killed the other does, with a larger token."""
    environment = {"INCUMBENT_ELECTOR": f"local://{tmp_path}/elections"}
    leader, other = leader_of([run(sys.executable, EXAMPLES / example, **environment) for _ in range(2)])
    assert tokens(other) == []
    leader.kill()
    leader.wait(PATIENCE)
    eventually(lambda: tokens(other))
    assert min(tokens(other)) > max(tokens(leader))


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with redis_stage.running(redis_stage.Server(tmp_path_factory.mktemp("redis"))) as made:
        redis_stage.come_of_age(made)
        yield {"REDIS_URL": redis_stage.url(made)}


def test_lock_by_hand_is_run(run, redis):
    """The lock that is written by hand does what it does: one copy reports."""
    copy = run(sys.executable, EXAMPLES / "redis_before.py", **redis)
    eventually(lambda: "a report by" in copy.printed())


def test_election_takes_the_place_of_a_lock_by_hand(run, redis):
    """With the same URL one of two copies reports; the other succeeds it, with a larger token."""
    leader, other = leader_of([run(sys.executable, EXAMPLES / "redis_after.py", **redis) for _ in range(2)])
    assert tokens(other) == []
    leader.send_signal(signal.SIGINT)
    leader.wait(PATIENCE)
    eventually(lambda: tokens(other))
    assert min(tokens(other)) > max(tokens(leader))


def commands(title):
    """Return the commands that the section shows: those before, and last the one after."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return [block.strip() for block in re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)]


def journal(folder):
    with contextlib.suppress(FileNotFoundError):
        return (folder / "journal").read_text().split()
    return []


def test_consul_lock_and_its_successor_are_one_election(run, tmp_path):
    """The two commands of the page, started side by side: the second waits for the first, and back again."""
    before, after = commands("From `consul lock`")
    server = ConsulServer(directory=tmp_path / "consul")
    server.start()
    try:
        address = {"CONSUL_HTTP_ADDR": f"{server}"}
        old = run("bash", "-c", f"exec {before}", **address)
        eventually(lambda: journal(tmp_path) == ["before"])
        new = run("bash", "-c", f"exec {after}", **address)
        eventually(lambda: len(consul_stage.sessions(server)) == 2)
        assert journal(tmp_path) == ["before"]
        old.terminate()
        eventually(lambda: len(journal(tmp_path)) == 2)
        assert journal(tmp_path)[1].isdigit()
        run("bash", "-c", f"exec {before}", **address)
        eventually(lambda: len(consul_stage.sessions(server)) == 2)
        new.terminate()
        eventually(lambda: journal(tmp_path)[2:] == ["before"])
    finally:
        server.stop()


def test_etcdctl_and_its_successor_are_one_election(run, tmp_path):
    """The three commands of the page, started side by side: each waits for the one before it, and works then."""
    lock, elect, after = commands("From `etcdctl lock` and `etcdctl elect`")
    server = etcd_stage.Etcd(tmp_path / "etcd")
    server.start()
    try:
        address = {"ETCDCTL_ENDPOINTS": f"127.0.0.1:{server.port}"}

        def stands(number):
            return len(server.ctl("get", "--prefix", "--keys-only", "service/reports/").split()) == number

        locks = run("bash", "-c", f"exec {lock}", **address)
        eventually(lambda: journal(tmp_path) == ["before"])
        elects = run("bash", "-c", f"exec {elect}", **address)
        eventually(lambda: stands(2))
        ours = run("bash", "-c", f"exec {after}", **address)
        eventually(lambda: stands(3))
        assert elects.printed() == ""
        os.killpg(locks.pid, signal.SIGTERM)  # it does not pass the signal on, and waits for its command
        eventually(lambda: "host-a" in elects.printed())
        assert journal(tmp_path) == ["before"]
        elects.terminate()
        eventually(lambda: len(journal(tmp_path)) == 2)
        assert journal(tmp_path)[1].isdigit()
        ours.terminate()
        ours.wait(PATIENCE)
    finally:
        server.stop()


def test_every_program_is_shown_and_is_python():
    """The page shows each program of the examples; those that are not run are Python at least, but for Go's."""
    shown = re.findall(r"{literalinclude} examples/migration/(\S+)", PAGE)
    assert sorted(shown) == sorted(path.name for path in EXAMPLES.iterdir() if path.is_file())
    assert set(shown) - NOT_RUN == {*AFTER, "redis_before.py", "redis_after.py"}
    for name in shown:
        if name.endswith(".py"):
            compile((EXAMPLES / name).read_text(), name, "exec")
