"""What holds for every test: what is started begins as from a user's terminal, and nothing that was started stays."""

from __future__ import annotations

import gc
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from patience import in_time
from processes import running

pytest.register_assert_rewrite("forking", "steered", "rights")  # tests that several files share

HERE = Path(__file__).parent
#: The files that take longest, the longest first, and those that keep a processor busy beside those that wait: who
#: begins one of these last keeps all others waiting.
LONG = (
    "plugins/consul/test_conformance_check.py",
    "plugins/consul/test_conformance.py",
    "plugins/etcd/test_conformance.py",
    "docs/test_snippets.py",
    "plugins/postgres/test_conformance.py",
    "plugins/redis/test_conformance.py",
    "conformance/test_zoo.py",
    "conformance/test_zoo_kinds.py",
    "conformance/test_zoo_terms.py",
    "simulation/test_search.py",
    "cli/test_new_elector.py",
    "plugins/redis/test_traps.py",
    "conformance/test_correct.py",
    "conformance/test_doors.py",
    "plugins/postgres/test_traps.py",
    "conformance/test_broken_electors.py",
    "plugins/etcd/test_security.py",
    "plugins/test_crashes.py",
    "plugins/etcd/test_faults.py",
    "plugins/postgres/test_failover.py",
    "conformance/test_run_conformance.py",
    "plugins/consul/test_faults.py",
    "docs/test_frameworks.py",
    "plugins/consul/test_cluster.py",
    "conformance/test_zoo_plain.py",
    "simulation/test_exhaustive.py",
    "plugins/etcd/test_steering.py",
    "torture/test_faults.py",
    "hostile/test_bad_inputs.py",
    "plugins/etcd/test_push.py",
    "conformance/test_explaining.py",
    "plugins/etcd/test_coexistence.py",
    "hostile/test_hostile_consul.py",
    "cli/run/test_run_loss.py",
    "hostile/test_hostile_etcd.py",
    "plugins/etcd/test_traps.py",
    "electors/test_local_processes.py",
    "plugins/postgres/test_steering.py",
    "plugins/consul/test_steering.py",
    "plugins/redis/test_steering.py",
    "plugins/consul/test_check.py",
    "conformance/test_zoo_bounds.py",
    "core/test_steer.py",
    "plugins/consul/test_interoperation.py",
    "conformance/test_local.py",
    "cli/run/test_run_exit.py",
    "plugins/etcd/test_cluster.py",
    "core/http/test_http.py",
    "plugins/redis/test_faults.py",
    "plugins/consul/test_traps.py",
    "cli/test_demo.py",
    "torture/test_soak.py",
)
#: In the environment of every program that a test starts, and of what that starts in turn.
MARK = "INCUMBENT_STARTED_BY"
#: What a shell, or a machine that builds, may have set, and what is started would heed: how its output looks, and where
#: servers are. Not where their binaries are.
HEEDED = re.compile(
    r"CI|BUILD_NUMBER|NO_COLOR|FORCE_COLOR|PY_COLORS|COLUMNS|LINES|TZ|XDG_STATE_HOME|PYTEST_ADDOPTS"
    r"|ETCDCTL_.*|CONSUL_.*|PG[A-Z]+|REDISCLI_.*|INCUMBENT_(?!.*_BIN$).*"
)


def pytest_configure() -> None:
    """
    Let the programs that tests start have SIGINT and SIGHUP as a terminal's have them.

    Whoever starts the tests with `nohup`, or by `&` in a script, has these ignored, and a program inherits that. A
    handler is not inherited: the tests go on as they were asked to, and what they start can be interrupted.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first, which matters where several files are run at a time."""
    rank = {HERE / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


def pytest_collection_finish() -> None:
    """Keep what collecting has made out of every later search for garbage, which takes seconds in a forked child."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plain_environment() -> Iterator[None]:
    """Keep from the tests what the environment says of this machine; what pytest itself makes of it stays."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(HEEDED.fullmatch, list(os.environ)):
            patch.delenv(name)
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays() -> Iterator[None]:
    """End every process that the tests of a file have left behind, whoever adopted it; fail for it, or for a thread."""
    os.environ[MARK] = mark = uuid.uuid4().hex
    threads = set(threading.enumerate())
    yield
    del os.environ[MARK]
    in_time(lambda: not _started(mark) and _ours() <= threads)  # some end a moment after whoever stopped them
    stayed = _started(mark)
    for pid in stayed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not stayed, f"left behind, and killed: {stayed}"
    run_on = {thread.name for thread in _ours() - threads}
    assert not run_on, f"left running: {run_on}"


def _ours() -> set[threading.Thread]:
    """Return the threads of electors and elections: what they do would meet the tests of other files."""
    return {thread for thread in threading.enumerate() if any(name in thread.name for name in ("incumbent", "zoo"))}


def _started(mark: str) -> dict[int, str]:
    """Return the command lines of the live processes that have *mark* in their environment, or are our children."""
    found = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):  # no process, ended, or somebody else's
            pid = int(process.name)
            marked = f"{MARK}={mark}".encode() in (process / "environ").read_bytes()
            there = running(pid)
            if there and pid != os.getpid() and (marked or there.parent == os.getpid()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found[pid] = command.decode(errors="replace").strip()
    return found
