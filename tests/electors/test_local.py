"""`local://` within one process: the verbs, what a claim holds open, who is told, and what is left."""

from __future__ import annotations

import fcntl
import logging
import os
import resource
import struct
import threading
import time
from math import inf
from pathlib import Path

import pytest
from oneline import refusal

from incumbent import (
    Address,
    BackendRejectedError,
    BackendSettings,
    BackendUnavailableError,
    ConfigurationError,
    InvalidStateError,
    LeaderElection,
    LeaderElectionConfig,
)
from incumbent.electors.local import files as module
from incumbent.electors.local import forks
from incumbent.electors.local.backend import LocalBackend
from incumbent.electors.local.deletions import Deletions
from incumbent.electors.local.elector import LocalElector, _above

#: Much longer than anything takes on a slow machine; nothing waits for it to pass.
PATIENCE = 60.0


def wait_for(holds) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


# ---------------------------------------------------------------- the verbs


def test_one_leads_at_a_time(candidates):
    """P1, P4: while one has the lock another gets None; after it was given up the other leads with a larger token."""
    first, second = candidates("first"), candidates("second")
    claim = first.acquire_leadership()
    assert (claim.token, claim.guarantee, len(claim.descriptors)) == (1, inf, 3)
    assert second.acquire_leadership() is None
    assert first.acquire_leadership().token == first.check_leadership().token == 1
    assert first.relinquish_leadership() is True
    assert second.acquire_leadership().token == 2
    assert first.acquire_leadership() is None


def test_a_claim_is_counted_from_before_the_attempt(backends, directory):
    """P2: *sent* is read before anything is asked of the kernel, and anew by every check."""
    ticks = iter(range(10))
    elector = backends(f"local://{directory}", clock=lambda: float(next(ticks))).elector("job", "a")
    assert elector.acquire_leadership().sent == 0.0
    assert elector.check_leadership().sent == 1.0
    assert elector.acquire_leadership().sent == 2.0
    elector.close()


@pytest.mark.parametrize("verb", ["check_leadership", "relinquish_leadership"])
def test_without_a_claim_there_is_nothing_to_check_or_relinquish(candidates, verb):
    """Both are an invalid state before acquiring, after a refusal, and after relinquishing."""
    first, second = candidates("first"), candidates("second")
    with pytest.raises(InvalidStateError):
        getattr(first, verb)()
    first.acquire_leadership()
    second.acquire_leadership()
    with pytest.raises(InvalidStateError):
        getattr(second, verb)()
    first.relinquish_leadership()
    with pytest.raises(InvalidStateError):
        getattr(first, verb)()


def test_who_leads_is_shown(candidates):
    """The record names leader, token and since when; nobody before, between and after the terms."""
    first, observer = candidates("first"), candidates("observer")
    assert observer.observe_leadership().candidate is None
    began = time.time()
    first.acquire_leadership()
    for record in (observer.observe_leadership(), first.observe_leadership()):
        assert (record.candidate, record.token) == ("first", 1)
        assert began <= record.since <= time.time()
    first.relinquish_leadership()
    assert (observer.observe_leadership().candidate, observer.observe_leadership().token) == (None, None)


@pytest.mark.parametrize("name", ["x" * 255, "." * 255, "a/b", "é" * 255, "..a"])
def test_any_name_can_be_elected_for(candidates, name):
    """Names of any length and kind that a config takes work on the file system."""
    assert candidates("a", name).acquire_leadership().token == 1
    assert candidates("b", name).acquire_leadership() is None


# ---------------------------------------------------------------- the descriptors


def test_the_lock_lies_between_the_two_ends_of_the_signal(candidates):
    """Whatever descriptors are free: a dying process lets the lock go before the last end that wakes others."""
    elector = candidates()
    holes = [os.open("/dev/null", os.O_RDONLY) for _ in range(12)]
    for hole in holes[::2]:  # leave low numbers free, out of order
        os.close(hole)
    low, lock, high = elector.acquire_leadership().descriptors
    names = [Path(f"/proc/self/fd/{descriptor}").readlink().name for descriptor in (low, lock, high)]
    assert low < lock < high
    assert names == ["job.wake", "job.lock", "job.wake"]
    for hole in holes[1::2]:
        os.close(hole)


def test_a_descriptor_is_moved_above_another(nothing_left):
    """Also when there is none free above: then the one in hand is closed, not leaked."""
    high = os.open("/dev/null", os.O_RDONLY)
    other = _above(high + 5, os.open("/dev/null", os.O_RDONLY))
    assert other > high + 5
    assert not os.get_inheritable(other)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(OSError):
        _above(limit - 1, os.open("/dev/null", os.O_RDONLY))
    os.close(other)
    os.close(high)


def test_a_refused_attempt_holds_nothing_but_its_place(candidates, directory):
    """A waiting candidate has one descriptor: of the signal that wakes it."""
    candidates("first").acquire_leadership()
    second = candidates("second")
    second.acquire_leadership()
    assert second._open == []
    assert Path(f"/proc/self/fd/{second._reader}").readlink() == directory / "job.wake"


# ---------------------------------------------------------------- behind the leader's back


def test_a_deleted_lock_file_is_noticed_at_check(candidates, directory):
    """P5: others could lock a new file, so the term is over; the next token is larger all the same."""
    elector = candidates()
    elector.acquire_leadership()
    (directory / "job.lock").unlink()
    assert elector.check_leadership() is None
    with pytest.raises(InvalidStateError):
        elector.check_leadership()
    assert elector.acquire_leadership().token == 2


def test_a_replaced_lock_file_is_noticed_at_check(candidates, directory):
    """The same if another file is in its place; who gave up what was gone already is told so."""
    elector, other = candidates("a"), candidates("b")
    elector.acquire_leadership()
    (directory / "job.lock").unlink()
    assert other.acquire_leadership().token == 2
    assert elector.relinquish_leadership() is False
    assert other.check_leadership().token == 2
    assert other.observe_leadership().candidate == "b"


def test_a_deleted_signal_is_noticed_at_check(candidates, directory):
    """Without the FIFO, nobody would be woken by the leader's death: the term is over, as without its lock file."""
    elector = candidates()
    elector.acquire_leadership()
    (directory / "job.wake").unlink()
    assert elector.check_leadership() is None
    assert elector.acquire_leadership().token == 2


def test_who_waits_at_a_deleted_signal_moves_to_the_new_one(candidates, told, directory):
    """A waiting candidate's next attempt opens the FIFO that the leader has now, and is woken through it."""
    leader, waiting = candidates("leader"), listen(candidates("waiting"), told)
    leader.acquire_leadership()
    waiting.acquire_leadership()
    (directory / "job.wake").unlink()
    assert leader.check_leadership() is None
    assert leader.acquire_leadership().token == 2
    assert waiting.acquire_leadership() is None
    told.clear()
    leader.relinquish_leadership()
    wait_for(lambda: told)
    assert waiting.acquire_leadership().token == 3


@pytest.mark.parametrize("name", ["job.lock", "job.wake"])
def test_a_leader_is_told_when_its_files_are_deleted(candidates, told, directory, name):
    """The kernel tells it, so that it checks at once; what others then do to the new files is told as before."""
    leader = listen(candidates("leader"), told)
    for token in (1, 2, 3):
        assert leader.acquire_leadership().token == token
        assert leader.check_leadership().token == token
        told.clear()
        (directory / name).unlink()
        wait_for(lambda: told)
        assert leader.check_leadership() is None


def test_events_that_the_kernel_has_dropped_are_told_to_all(tmp_path):
    """After an overflow anything may have happened, so everybody is told; a watch that is ended tells nothing."""
    deletions, told = Deletions(), []
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.touch()
    watches = [deletions.add(path, lambda path=path: told.append(path.name)) for path in paths]
    assert deletions.read() == []
    deletions.remove(watches[2])
    deletions.remove(watches[2])
    paths[2].unlink()
    assert deletions.read() == []
    reading, writing = os.pipe()
    os.write(writing, struct.pack("iIII", -1, 0x4000, 0, 0))
    real, deletions.descriptor = deletions.descriptor, reading
    for callback in deletions.read():
        callback()
    deletions.descriptor = real
    assert told == ["a", "b"]
    os.close(reading)
    os.close(writing)
    assert deletions.add(tmp_path / "missing", print) is None
    deletions.close()
    deletions.close()
    assert deletions.add(paths[0], print) is None


def test_without_inotify_a_deletion_is_noticed_at_check(candidates, told, directory, monkeypatch):
    """On a system without it, or with no instance left, the leader works as well and is not told."""
    for number, library in enumerate((None, NoInstance())):
        monkeypatch.setattr("incumbent.electors.local.deletions._libc", lambda library=library: library)
        leader = candidates("leader", f"job-{number}")
        assert leader.acquire_leadership().token == 1
        (directory / f"job-{number}.lock").unlink()
        assert leader.check_leadership() is None


class NoInstance:
    """A C library whose kernel grants no instance of inotify."""

    def inotify_init1(self, flags):
        return -1


def test_a_lock_file_replaced_during_the_attempt_is_no_claim(candidates, directory, monkeypatch):
    """P1: who locked a file that others cannot find any more does not lead, and the outcome is unknown."""
    elector, real = candidates(), fcntl.flock

    def lock_and_lose(descriptor, flags):
        real(descriptor, flags)
        (directory / "job.lock").unlink()

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", lock_and_lose)
        with pytest.raises(BackendUnavailableError, match="was replaced during the attempt"):
            elector.acquire_leadership()
    assert elector._open == []
    assert elector.acquire_leadership().token == 1


def test_a_damaged_state_is_no_claim_and_leaves_nothing_open(candidates, directory):
    """P4: with both files damaged nobody leads, for good; the message says what to do, and following it helps."""
    elector = candidates()
    elector.acquire_leadership()
    elector.relinquish_leadership()
    for name in ("job.lock", "job.json"):
        (directory / name).write_bytes(b"garbage")
    with pytest.raises(BackendRejectedError, match="remove both files"):
        elector.acquire_leadership()
    assert elector._open == []
    for name in ("job.lock", "job.json"):
        (directory / name).unlink()
    assert elector.acquire_leadership().token == 1


def test_the_directory_is_checked_once_for_each_verb(candidates, directory, monkeypatch):
    """A directory that has become unsafe is refused by the next verb; one verb does not look again for each file."""
    looks = []
    prepare = module.Directory.prepare
    monkeypatch.setattr(module.Directory, "prepare", lambda *args, **said: (looks.append(1), prepare(*args, **said))[1])
    first = candidates("first")
    assert first.acquire_leadership() is not None
    assert len(looks) == 1
    assert first.relinquish_leadership() is True
    assert len(looks) == 2
    directory.chmod(0o777)
    with pytest.raises(BackendRejectedError, match="anybody may replace files in it"):
        first.acquire_leadership()


def test_a_full_disk_keeps_nobody_in_office(candidates, monkeypatch):
    """Relinquishing needs no space: the lock is let go although the record cannot be written."""
    first, second = candidates("first"), candidates("second")
    first.acquire_leadership()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: 0)
        assert first.relinquish_leadership() is True
    assert second.acquire_leadership().token == 2


# ---------------------------------------------------------------- who is told


@pytest.fixture
def told():
    """Return the names of those who were notified, in order."""
    return []


def listen(elector, told):
    elector.notify = lambda: told.append(elector.candidate)
    return elector


@pytest.mark.parametrize("end", ["relinquish_leadership", "close"])
def test_who_waits_is_woken_when_the_leader_leaves(candidates, told, end):
    """P7: the kernel tells the waiting candidate; no poll is needed."""
    leader, waiting = candidates("leader"), listen(candidates("waiting"), told)
    leader.acquire_leadership()
    waiting.acquire_leadership()
    getattr(leader, end)()
    wait_for(lambda: told)
    assert waiting.acquire_leadership().token == 2


def test_an_observer_is_told_of_every_new_leader(candidates, told):
    """Who has observed is told when a leader comes, also if another followed it within no time, and when it goes."""
    leader, observer = candidates("leader"), listen(candidates("observer"), told)
    observer.observe_leadership()
    for token in (1, 2, 3):
        told.clear()
        leader.acquire_leadership()
        wait_for(lambda: told and observer.observe_leadership().token == token)  # noqa: B023
        told.clear()
        leader.relinquish_leadership()
        wait_for(lambda: told and observer.observe_leadership().candidate is None)


def test_a_candidate_that_begins_to_observe_is_told_of_new_leaders_too(candidates, told):
    """Waiting for the end of a term becomes waiting for any change."""
    first, second = candidates("first"), candidates("second")
    third = listen(candidates("third"), told)
    first.acquire_leadership()
    third.acquire_leadership()
    third.observe_leadership()
    first.relinquish_leadership()
    second.acquire_leadership()
    wait_for(lambda: told and third.observe_leadership().candidate == "second")


def test_asking_tells_nobody(candidates, told):
    """While nobody leads, each look does not call for the next one: a candidate that stands aside does not spin."""
    last = candidates("last")
    last.acquire_leadership()
    last.relinquish_leadership()
    elector = listen(candidates("aside"), told)
    for _ in range(200):
        elector.observe_leadership()
        time.sleep(0.0005)  # leave the waiting thread a chance to be wrong
    told_by_asking = len(told)
    last.acquire_leadership()
    last.relinquish_leadership()
    wait_for(lambda: len(told) > told_by_asking)
    assert told_by_asking <= 2


def test_a_candidate_that_stands_aside_looks_only_now_and_then(directory, monkeypatch, nothing_left):
    """The engine on `local://` is idle during a cool-down."""
    looks, real = [], LocalElector.observe_leadership
    monkeypatch.setattr(LocalElector, "observe_leadership", lambda self: looks.append(1) or real(self))
    config = LeaderElectionConfig(lock_id="job", cooldown=1.0, follower_check_interval=0.2)
    with LeaderElection(config, f"local://{directory}") as election:
        token = election.wait_for_leadership(PATIENCE).token
        election.relinquish()
        assert election.wait_for_leadership(PATIENCE).token == token + 1
    assert len(looks) < 100


# ---------------------------------------------------------------- many, and none left


def test_thousands_of_names_need_one_thread_and_no_order(backends, directory, monkeypatch):
    """One process may lead and wait in very many elections of one directory, with one waiting thread."""
    for name in ("fsync", "fdatasync"):  # durability is tested elsewhere, and would take a minute here
        monkeypatch.setattr(os, name, lambda _: None)
    threads = threading.active_count()
    backend, other = backends(f"local://{directory}"), backends(f"local://{directory}")
    for number in range(2000):
        elector = backend.elector(f"name/{number}", "a")
        assert elector.acquire_leadership().token == 1
        elector.close()
    leaders = [backend.elector(f"name/{number}", "a") for number in range(150)]
    waiting = [other.elector(f"name/{number}", "b") for number in range(150)]
    assert {leader.acquire_leadership().token for leader in leaders} == {2}
    assert {candidate.acquire_leadership() for candidate in waiting} == {None}
    woken = []
    for candidate in waiting:
        candidate.notify = lambda candidate=candidate: woken.append(candidate.lock_id)
    assert threading.active_count() <= threads + 2
    for leader in leaders:
        leader.close()
    wait_for(lambda: len(set(woken)) == 150)
    assert {candidate.acquire_leadership().token for candidate in waiting} == {3}
    for candidate in waiting:
        candidate.close()


@pytest.mark.parametrize("order", ["elector first", "backend first"])
def test_closing_leaves_nothing_in_any_order(nothing_left, directory, order):
    """P8: after close no thread and no descriptor is left, whoever is closed first, once or twice."""
    backend = LocalBackend(Address.parse(f"local://{directory}"), BackendSettings(15.0, 2.0))
    leader, waiting, unused = (backend.elector("job", name) for name in ("leader", "waiting", "unused"))
    leader.acquire_leadership()
    waiting.acquire_leadership()
    waiting.observe_leadership()
    for closing in ([leader, waiting, unused, backend] if order == "elector first" else [backend, leader, waiting]) * 2:
        closing.close()


def test_a_backend_may_be_closed_by_the_one_it_tells(nothing_left, directory):
    """P8: close from inside a notification ends the waiting thread as well."""
    settings = BackendSettings(15.0, 2.0)
    backend, other = (LocalBackend(Address.parse(f"local://{directory}"), settings) for _ in range(2))
    leader, waiting = other.elector("job", "leader"), backend.elector("job", "waiting")
    leader.acquire_leadership()
    waiting.acquire_leadership()
    thread = backend.watcher._thread
    waiting.notify = backend.close
    leader.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    waiting.close()
    other.close()


def test_nothing_is_opened_before_it_is_needed(nothing_left, directory):
    """Making a backend and its electors does no I/O: not even the directory is made."""
    backend = LocalBackend(Address.parse(f"local://{directory}"), BackendSettings(15.0, 2.0))
    backend.elector("job", "a")
    assert not directory.exists()


def test_without_descriptors_the_outcome_is_unknown_and_nothing_leaks(candidates):
    """Too many open files: unavailable, worth asking again; when there are some, it works."""
    elector = candidates()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(entry.name) for entry in list(Path("/proc/self/fd").iterdir()))
    holes = []
    while not holes or holes[-1] < used:
        holes.append(os.open("/dev/null", os.O_RDONLY))
    failures, claim = 0, None
    for limit in range(holes[-1] + 1, holes[-1] + 20):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            claim = elector.acquire_leadership()
            break
        except BackendUnavailableError:
            failures += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert elector._open == []
    for hole in holes:
        os.close(hole)
    assert failures > 3
    assert claim is not None


def test_without_a_thread_the_outcome_is_unknown(candidates, monkeypatch):
    """No thread to be had for waiting: unavailable, nothing is left open, and it works when there is one."""
    elector = candidates()

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(BackendUnavailableError, match="can't start new thread"):
            elector.acquire_leadership()
    assert elector._open == []
    assert elector.acquire_leadership().token == 1


def test_a_backend_is_not_closed_by_a_forked_child(backends, directory, fork):
    """P9: a child that closes what it inherited ends nothing of its parent's."""
    backend = backends(f"local://{directory}")
    first, second = backend.elector("job", "a"), backend.elector("job", "b")
    first.acquire_leadership()
    second.acquire_leadership()
    pid = fork()
    if pid == 0:  # pragma: no cover - in the child
        backend.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    woken = threading.Event()
    second.notify = woken.set
    first.close()
    assert woken.wait(PATIENCE)
    second.close()


def test_a_forked_child_refuses_and_holds_nothing(candidates, told, fork):
    """P9: in a child the elector says that it is forked, and its closing does the parent's claim no harm."""
    leader, waiting = candidates("leader"), listen(candidates("waiting"), told)
    claim = leader.acquire_leadership()
    waiting.acquire_leadership()
    pid = fork()
    if pid == 0:  # pragma: no cover - in the child
        code = 0
        for verb in ("acquire_leadership", "check_leadership", "relinquish_leadership", "observe_leadership"):
            try:
                getattr(leader, verb)()
                code = 1
            except InvalidStateError:
                pass
        held = {
            Path(entry).readlink().name
            for entry in map("/proc/self/fd/{}".format, claim.descriptors)
            if Path(entry).exists()
        }
        if held & {"job.lock", "job.wake"}:
            code = 2
        leader.close()
        waiting.close()
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert leader.check_leadership().token == 1
    leader.relinquish_leadership()
    wait_for(lambda: told)
    assert waiting.acquire_leadership().token == 2


@pytest.mark.parametrize("moment", ["open job.lock", "open job.wake", "close job.lock"])
def test_a_fork_in_the_middle_of_an_attempt_inherits_no_claim(candidates, directory, monkeypatch, fork, moment):
    """P9: whatever another thread has just opened, or not yet closed, a child holds neither lock nor signal."""
    verb, name = moment.split()
    elector, reached, forked = candidates(), threading.Event(), threading.Event()
    real = {"open": os.open, "close": os.close}

    def pause(done: bool) -> None:
        if done and not reached.is_set():
            reached.set()
            forked.wait(0.3)  # until the fork, if it does not wait for us

    def opening(path, *arguments, **options):
        descriptor = real["open"](path, *arguments, **options)
        pause(verb == "open" and Path(path).name == name)
        return descriptor

    def closing(descriptor):
        pause(verb == "close" and Path(f"/proc/self/fd/{descriptor}").readlink().name == name)
        real["close"](descriptor)

    def one_term():
        elector.acquire_leadership()
        elector.relinquish_leadership()

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opening)
        patch.setattr(os, "close", closing)
        thread = threading.Thread(target=one_term)
        thread.start()
        assert reached.wait(PATIENCE)
        pid = fork()
        if pid == 0:  # pragma: no cover - in the child
            held = [entry.readlink().name for entry in list(Path("/proc/self/fd").iterdir()) if entry.is_symlink()]
            os._exit(len([one for one in held if one in ("job.lock", "job.wake")]))
        forked.set()
        thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_fork_waits_for_no_attempt_that_hangs(monkeypatch, fork):
    """P10: while an attempt hangs in a file system, a fork is held up for a bounded time; the child starts anew."""
    monkeypatch.setattr(forks, "LONGEST_WAIT", 0.05)
    with forks.no_fork():
        pid = fork()
        if pid == 0:  # pragma: no cover - in the child
            os._exit(forks._attempts.number)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert forks._attempts.number == 0


# ---------------------------------------------------------------- where


@pytest.mark.parametrize("path", ["/", "//", "/.", "/./", "/a/..", "/../x", "/a/../../etc"])
def test_a_path_that_is_no_place_for_a_state_is_refused(path):
    """The root, however it is written, and paths with '..'."""
    message = refusal(LocalBackend, Address("local", path=path), BackendSettings(15.0, 2.0))
    assert "must be an absolute path without '..', and not the root" in message


@pytest.mark.parametrize("url", ["local://tmp/x", "local://host", "local://user:S3CR3T@h/x", "local://user@/x"])
def test_a_host_or_user_is_refused(url):
    """`local://tmp/x` has a host where a directory was meant: the message shows the three slashes."""
    message = refusal(LocalBackend, Address.parse(url), BackendSettings(15.0, 2.0))
    assert "write local:///path/to/directory" in message
    assert "S3CR3T" not in message


def test_without_a_path_the_platform_decides(monkeypatch, tmp_path):
    """`local://` is the user's state directory, by the platform's convention."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    backend = LocalBackend(Address.parse("local"), BackendSettings(15.0, 2.0))
    assert backend.directory.path == tmp_path / "incumbent"


@pytest.fixture
def nobody(monkeypatch):
    """Let this process's user be in no passwd file, and have no variables: as with cron, or in a container."""

    def getpwuid(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", getpwuid)


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "HOME"),
        ({"HOME": "here"}, "HOME"),
        ({"XDG_STATE_HOME": "~/state"}, "XDG_STATE_HOME"),
    ],
)
def test_without_a_home_the_directory_must_be_given(monkeypatch, variables, told):
    """P1: a relative directory would be another for everybody who starts elsewhere, each with its own leader."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert refusal(LocalBackend, Address.parse("local"), BackendSettings(15.0, 2.0)) == (
        f"local://: its user has no state directory: set {told} to an absolute path, "
        "or write local:///path/to/directory"
    )


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("release", ["older", "newer"])
def test_every_release_of_platformdirs_is_understood(monkeypatch, release):
    """Newer ones raise where there is no home, older ones return a relative path."""

    def user_state_path(*_, **__):
        if release == "newer":
            raise RuntimeError("could not determine the home directory")
        return Path("~/.local/state/incumbent")

    monkeypatch.setattr("platformdirs.user_state_path", user_state_path)
    with pytest.raises(ConfigurationError, match="local:///path/to/directory"):
        LocalBackend(Address.parse("local"), BackendSettings(15.0, 2.0))


def test_a_network_file_system_is_warned_of_once(candidates, backends, directory, tmp_path, monkeypatch, caplog):
    """Once a directory and process, by whoever leads first; what the mount is called does not matter."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:1 / / rw - ext4 x rw\n40 22 0:40 / {tmp_path} rw - nfs4 server:/ rw\n")
    real = module.network_file_system
    monkeypatch.setattr(module, "network_file_system", lambda path: real(path, mounts))
    with caplog.at_level(logging.WARNING, "incumbent.electors.local"):
        for name in ("a", "b", "c"):
            elector = candidates(name, f"job-{name}")
            elector.acquire_leadership()
            elector.relinquish_leadership()
            elector.acquire_leadership()
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"{directory} is on a network file system (nfs4): local:// is for the processes of one host"
    )
    caplog.clear()
    mounts.write_text("22 1 0:1 / / rw - ext4 x rw\n")
    with caplog.at_level(logging.WARNING, "incumbent.electors.local"):
        candidates("a", path=tmp_path / "local").acquire_leadership()
    assert caplog.records == []


@pytest.mark.parametrize("library", [lambda *_, **__: object(), None])
def test_a_system_without_inotify_has_none(monkeypatch, library):
    """A C library without it, or none that can be loaded, is no error."""

    def missing(*_, **__):
        raise OSError("no C library")

    monkeypatch.setattr("ctypes.CDLL", library or missing)
    deletions = Deletions()
    assert deletions.descriptor == -1
    assert deletions.add(Path("/"), print) is None
    deletions.close()


def test_closing_over_calls_and_other_closings_is_harmless(tmp_path):
    """P8, P10: Several threads close an elector while it is asked: no descriptor is closed twice, none stays open."""
    before = len(list(Path("/dev/fd").iterdir()))
    backend = LocalBackend(Address.parse(f"local://{tmp_path}"), BackendSettings(15.0, 2.0))
    failed = []

    def act(together, *methods):
        together.wait()
        try:
            for method in methods:
                method()
        except InvalidStateError:
            pass
        except Exception as error:
            failed.append(error)

    for _ in range(150):
        elector = backend.elector("job", "a")
        elector.notify = lambda: None
        elector.observe_leadership()
        together = threading.Barrier(3)
        acts = [
            (elector.close,),
            (elector.observe_leadership, elector.close),
            (elector.observe_leadership, elector.close),
        ]
        threads = [threading.Thread(target=act, args=(together, *methods)) for methods in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    backend.close()
    assert failed == []
    assert len(list(Path("/dev/fd").iterdir())) <= before
