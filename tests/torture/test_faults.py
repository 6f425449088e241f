"""The faults of the torture do what they are said to do, and are undone: else it would prove nothing."""

import os
import random
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
from patience import eventually
from programs import end
from torture.candidate import _hold, _steppable, clock_file
from torture.etcd import EtcdStage
from torture.limits import full_disk, no_descriptors

#: Seconds after which something that happens by itself has not happened.
PATIENCE = 30.0


class Subject:
    """A process that does one thing for each line it is given, and says what came of it."""

    def __init__(self, act, **environment):
        attempt = f"try: {act}\n except OSError as error: print(error.strerror, flush=True)"
        program = f"import sys, time\nfor line in sys.stdin:\n {attempt}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.pid = self.process.pid

    def __enter__(self):
        try:
            assert self.ask()  # it runs
        except BaseException:
            end(self.process)
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.process.communicate(timeout=PATIENCE)
        finally:
            end(self.process)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def test_process_without_descriptors_opens_nothing_until_it_has_them_again():
    """As many as it has, and no more."""
    with Subject("open('/dev/null').close(); print('opened', flush=True)") as subject:
        with no_descriptors(subject.pid):
            assert subject.ask() == "Too many open files"
        assert subject.ask() == "opened"


def test_process_with_a_full_disk_writes_nothing_until_it_has_room_again(tmp_path):
    """A write fails, also over what is there already."""
    act = f"open({str(tmp_path / 'file')!r}, 'ab', 0).write(b'x'); print('written', flush=True)"
    with Subject(act) as subject:
        with full_disk(subject.pid):
            assert subject.ask() == "File too large"
        assert subject.ask() == "written"


@pytest.mark.parametrize("limit", [no_descriptors, full_disk])
def test_limit_of_a_process_that_has_ended_does_nothing(limit):
    """It may have been ended by the fault before, or by this one."""
    with Subject("print('here', flush=True)") as subject:
        pass
    with limit(subject.pid), limit(-1):
        assert subject.process.returncode == 0


def test_wall_clock_follows_its_file_and_no_other_clock_does(tmp_path):
    """P1: what clocks are set to is changed, and how they run is not."""
    file = clock_file(tmp_path / "journal.jsonl")
    act = "print(time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), flush=True)"
    with Subject(act, **_steppable(), FAKETIME_TIMESTAMP_FILE=str(file)) as subject:
        for step in (-3600, 86400, 0):
            file.write_text(f"{step:+d}")
            end = time.monotonic() + PATIENCE
            while True:
                before = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
                wall, *others = map(float, subject.ask().split())
                after = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
                assert before[0] <= others[0] <= after[0]
                assert before[1] <= others[1] <= after[1]
                if abs(wall - time.time() - step) < PATIENCE:
                    break
                assert time.monotonic() < end, f"the wall clock does not follow to {step:+d} s"
                time.sleep(0.1)


def test_no_other_thread_runs_while_the_interpreters_lock_is_held():
    """A call into C that keeps it: no renewal, no timer, no signal handler."""
    seen = []
    stop = threading.Event()

    def note():
        while not stop.is_set():
            seen.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=note)
    thread.start()
    try:
        began = time.monotonic()
        _hold(0.5)
        ended = time.monotonic()
    finally:
        stop.set()
        thread.join()
    assert ended - began >= 0.5
    moments = [began, *(moment for moment in seen if began < moment < ended), ended]
    assert max(after - before for before, after in pairwise(moments)) >= 0.5


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    stage = EtcdStage(tmp_path_factory.mktemp("etcd"))
    stage.open()
    yield stage
    stage.close()


def test_members_of_etcd_are_parted_in_one_direction_and_replaced(etcd):
    """A leader that is mute, or deaf, to its peers is succeeded though it runs; a member is a new one afterwards."""
    for part in (etcd.cluster.silence, etcd.cluster.deafen):
        old = etcd.cluster.leader()
        others = [name for name in etcd.cluster.members if name != old]
        part(old, others)
        end = time.monotonic() + PATIENCE
        while not any(etcd.cluster.members[name].metrics()["etcd_server_is_leader"] for name in others):
            assert time.monotonic() < end, f"{old} still leads"
            time.sleep(0.05)
        assert etcd.cluster.members[old].running
        etcd.cluster.rewire()
    before = {row.split(",")[0] for row in etcd._ctl(etcd.servers[0], "member", "list").splitlines()}
    etcd._replace(random.Random(1))
    after = {row.split(",")[0] for row in etcd._ctl(etcd.servers[0], "member", "list").splitlines()}
    assert len(before) == len(after) == 3
    assert len(before & after) == 2


def test_member_of_etcd_joins_though_its_peers_do_not_answer_at_first(etcd, monkeypatch):
    """They may be choosing a leader just then: etcd gives up after a second, and is started again."""
    started = []

    def start_among_the_silent(server):
        others = [other for other in etcd.servers if other is not server]
        for other in others:
            other.freeze()
        try:
            launch(server)
            assert eventually(lambda: not server.running, PATIENCE)
        finally:
            for other in others:
                other.thaw()

    def start(server):
        started.append(server)
        (launch if len(started) > 1 else start_among_the_silent)(server)

    launch = type(etcd.servers[0]).launch
    monkeypatch.setattr(type(etcd.servers[0]), "launch", start)
    etcd._replace(random.Random(1))
    assert len(started) >= 2
    assert etcd._members(etcd.servers[0]) == 3


def test_full_quota_of_etcd_is_noticed_and_emptied(etcd, monkeypatch):
    """While it is full etcd takes no key; afterwards it does."""
    rng = random.Random(1)
    said = []
    monkeypatch.setattr(etcd, "_a_while", lambda _: said.append(etcd._ctl(etcd.servers[0], "alarm", "list")))
    etcd._fill_quota(rng)
    assert "NOSPACE" in said[0]
    assert etcd._ctl(etcd.servers[0], "put", "job", "x").strip() == "OK"
