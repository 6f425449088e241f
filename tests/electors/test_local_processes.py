"""`local://` with real processes: they are killed, woken, forked and of several users."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import short_folder
from processes import children
from programs import end

ACTOR = Path(__file__).parents[1] / "helpers" / "local_actor.py"
#: Much longer than anything takes on a slow machine; nothing waits for it to pass.
PATIENCE = 60.0


class Actor:
    """A process of `local_actor.py`, and what it and its children say."""

    def __init__(self, role: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore::DeprecationWarning", str(ACTOR), role, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._rest = b""

    def hear(self) -> list[str]:
        """Return the words of the next line."""
        end = time.monotonic() + PATIENCE
        while b"\n" not in self._rest:
            assert select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0], "nothing was said"
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"it ended: {self.process.stderr.read().decode()}"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode().split()

    def finish(self) -> list[str]:
        """Wait for the end, and return all lines."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert (self.process.returncode, err) == (0, b"")
        return (self._rest + out).decode().splitlines()

    def kill(self) -> str:
        """Kill it with its children, and return what is left that it said."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        out, _ = self.process.communicate(timeout=PATIENCE)
        return (self._rest + out).decode()


@pytest.fixture
def actor(nothing_left):
    """Return a function that starts an actor in a directory; all are killed at the end."""
    actors = []

    def start(role, *arguments):
        actors.append(Actor(role, *arguments))
        return actors[-1]

    yield start
    for each in actors:
        end(each.process)


@pytest.fixture
def act(directory, actor):
    """Return a function that starts an actor in the state directory."""
    return lambda role, *arguments: actor(role, directory, *arguments)


def test_a_killed_leader_of_hundreds_is_succeeded_at_once(act):
    """P1, P4, P7: 200 candidates on one file; each killed leader is succeeded, woken by the kernel alone."""
    crowd = act("crowd", 200)
    wait_for(lambda: len(children(crowd.process.pid)) == 200)
    leader, token = map(int, crowd.hear())
    for child in children(crowd.process.pid):
        wait_for(lambda child=child: opened_by(child, "job.wake"))
    for _ in range(5):
        os.kill(leader, signal.SIGKILL)
        successor, larger = map(int, crowd.hear())
        assert successor != leader
        assert larger == token + 1
        leader, token = successor, larger
    os.kill(leader, signal.SIGSTOP)  # a stopped leader still leads
    assert not select.select([crowd.process.stdout], [], [], 0.3)[0]


def test_a_leader_that_gives_up_wakes_the_next(act, candidates):
    """A hand-over reaches a candidate in another process without polling."""
    first = candidates("first")
    claim = first.acquire_leadership()
    waiting = act("lead")
    wait_for(lambda: opened_by(waiting.process.pid, "job.wake"))
    first.relinquish_leadership()
    pid, token = map(int, waiting.hear())
    assert pid == waiting.process.pid
    assert token == claim.token + 1
    assert first.acquire_leadership() is None
    assert first.observe_leadership().candidate == str(pid)


def test_no_two_lead_at_the_same_time(act):
    """P1, P4: eight processes hand over 400 times; each finds itself alone, and the tokens are all different."""
    actors = [act("take-turns", 50) for _ in range(8)]
    tokens = [int(line) for actor in actors for line in actor.finish()]
    assert sorted(tokens) == list(range(1, 401))


@pytest.mark.parametrize("sticky", [False, True], ids=["own directory", "sticky directory"])
def test_tokens_grow_over_crashes_at_any_moment(act, directory, sticky):
    """P4: killed again and again in the middle of its work, a leader's successor never repeats a token."""
    directory.mkdir(mode=0o700)
    directory.chmod(0o1700 if sticky else 0o700)
    last = 0
    for round_ in range(8):
        actor = act("hasten")
        for _ in range(1 + 7 * round_):  # ever later, so that it is hit in ever other steps
            (token,) = map(int, actor.hear())
            assert token > last
            last = token
        for line in actor.kill().splitlines(keepends=True):
            if line.endswith("\n"):
                assert int(line) > last
                last = int(line)


def test_a_child_of_a_dead_leader_does_not_keep_its_claim(act):
    """P9: a fork in a leader is nobody's leader, says so, holds nothing, and does not stand in a successor's way."""
    first = act("fork-in-office")
    said = {words[0]: words[1:] for words in (first.hear(), first.hear())}
    child, refused, held = map(int, said["child"])
    leader, token = map(int, said["leader"])
    assert (refused, held) == (4, 0)
    second = act("lead")
    wait_for(lambda: opened_by(second.process.pid, "job.wake"))
    os.kill(leader, signal.SIGKILL)
    assert int(second.hear()[1]) == token + 1
    os.kill(child, 0)  # it is still there


@pytest.fixture
def shared():
    """Return a directory in a place that every user can reach, unlike the tests' own, and perhaps the checkout's."""
    with short_folder() as place:
        path = place / "state"
        path.mkdir()
        yield path


#: Only root may become others; anybody else is several users in one.
USERS = [1001, 1002, 1001, 1003] if os.getuid() == 0 else [os.getuid()] * 4
GROUP = 2000 if os.getuid() == 0 else os.getgid()


@pytest.mark.parametrize("mode", [0o1777, 0o2770, 0o3770], ids=oct)
def test_several_users_share_an_election(shared, actor, mode):
    """In a directory that is meant for them, candidates of several users follow each other, whatever their umask."""
    os.chown(shared, -1, GROUP)
    shared.chmod(mode)
    lines = actor("as-user", shared, GROUP, *USERS).finish()
    assert [line.split() for line in lines] == [
        [str(user), str(token), str(token), "True"] for token, user in enumerate(USERS, 1)
    ]


@pytest.mark.parametrize("by", ["observe", "lead"])
def test_root_takes_nothing_from_the_user_of_the_directory(shared, candidates, actor, by):
    """What root makes, by as little as a look, belongs to whom the directory belongs to, and keeps nobody out."""
    os.chown(shared, USERS[0], GROUP)
    shared.chmod(0o700)
    elector = candidates(path=shared)
    if by == "observe":
        elector.observe_leadership()
    else:
        elector.acquire_leadership()
    elector.close()
    (line,) = actor("as-user", shared, GROUP, USERS[0]).finish()
    assert line.split()[3] == "True"


def test_who_may_not_write_to_the_directory_is_told_so_for_good(shared, actor):
    """A permanent error that names the path, and says what to check."""
    shared.chmod(0o555 if os.getuid() else 0o755)
    refused = actor("as-user", shared, GROUP, USERS[0])
    _, err = refused.process.communicate(timeout=PATIENCE)
    message = f"{shared}/job.wake: Permission denied: check who owns it and its mode"
    assert f"incumbent.errors.BackendRejectedError: {message}" in err.decode().splitlines()


@pytest.mark.parametrize("mode", [0o1777, 0o2770], ids=oct)
def test_whoever_may_be_a_candidate_may_ask_for_a_hand_over(shared, actor, mode):
    """The mode of the directory decides: another user's leader heeds who is let in; who is not is told in one line."""
    os.chown(shared, USERS[0], GROUP)
    shared.chmod(mode)
    leader, mate, stranger = f"{USERS[0]}:{GROUP}", f"{USERS[1]}:{GROUP}", f"{USERS[3]}:{USERS[3]}"
    asking = actor("ask-as-users", shared, leader, mate, *([stranger] if os.getuid() == 0 else []))
    out, err = (text.decode().splitlines() for text in asking.process.communicate(timeout=PATIENCE))
    codes = {line.split()[0]: int(line.split()[1]) for line in out if line[:1].isdigit()}
    assert codes.pop(mate) == 0
    is_let_in = mode & 0o002
    assert codes == ({stranger: 0 if is_let_in else 1} if os.getuid() == 0 else {})
    told = [line for line in err if "job" in line]
    refused = [f"incumbent: {shared}/job.wake: Permission denied: check who owns it and its mode"]
    assert told == ([] if is_let_in or os.getuid() else refused)


def opened_by(pid: int, name: str) -> bool:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(entry.readlink().name)
    return name in found


def wait_for(holds) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
