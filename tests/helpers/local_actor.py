"""A process on `local://` for tests with real ones: `python local_actor.py ROLE DIRECTORY [ARGUMENT…]`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from incumbent import BackendSettings, InvalidStateError, LeaderElection, LeaderElectionConfig
from incumbent.cli import main
from incumbent.registry import load_backend_class, open_backend


def elector_in(directory: str, candidate: str = ""):
    backend = open_backend(f"local://{directory}", BackendSettings(15.0, 2.0))
    return backend.elector("job", candidate or str(os.getpid()))


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # in one piece, whoever else writes


def campaign(elector):
    """Acquire, woken by the elector alone: no wait here ever ends by itself."""
    changed = threading.Event()
    elector.notify = changed.set
    while (claim := elector.acquire_leadership()) is None:
        changed.wait()
        changed.clear()
    return claim


def lead(directory: str) -> None:
    """Become leader, say so, and stay it until killed."""
    elector = elector_in(directory)
    say(os.getpid(), campaign(elector).token)
    while True:
        signal.pause()


def crowd(directory: str, number: str) -> None:
    """Fork that many candidates; say when each stands, and who leads."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    load_backend_class("local")  # looks through all packages, which hundreds would do at the same time
    for _ in range(int(number)):
        if os.fork() == 0:
            lead(directory)
    while True:
        signal.pause()


def hasten(directory: str, _: str = "") -> None:
    """Lead and relinquish as fast as can be, and say each token once it is announced."""
    elector = elector_in(directory)
    while True:
        say(campaign(elector).token)
        elector.relinquish_leadership()


def take_turns(directory: str, terms: str) -> None:
    """Lead that many terms; in each, be alone in the directory's `inside` file, or say who else is."""
    elector = elector_in(directory)
    inside = Path(directory, "inside")
    for _ in range(int(terms)):
        claim = campaign(elector)
        try:
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            say("overlap", os.getpid())
            sys.exit(1)
        say(claim.token)
        inside.unlink()
        elector.relinquish_leadership()
    elector.close()


def fork_in_office(directory: str) -> None:
    """Become leader and fork a child that outlives it: say what the child can do."""
    elector = elector_in(directory)
    claim = campaign(elector)
    child = os.fork()
    if child == 0:
        refused = []
        for verb in ("acquire_leadership", "check_leadership", "relinquish_leadership", "observe_leadership"):
            try:
                getattr(elector, verb)()
            except InvalidStateError:
                refused.append(verb)
        held = [descriptor for descriptor in claim.descriptors if Path(f"/proc/self/fd/{descriptor}").exists()]
        elector.close()
        say("child", os.getpid(), len(refused), len(held))
    else:
        say("leader", os.getpid(), claim.token)
    while True:
        signal.pause()


def become(user: str, group: str) -> None:
    """Be that user, in that group alone, if this is root: only root may become another."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))


def ask_as_users(directory: str, leader: str, *askers: str) -> None:
    """Lead as *leader*, `user:group`; have each of the others ask for a hand-over, and say how that ends."""

    def ask(place: str) -> int:
        return main(["relinquish", "--elector", place, "--name", "job"])

    config = LeaderElectionConfig("job", steering=True, cooldown=0, relinquish_interval=None)
    warm = f"local://{Path(directory).parent}/warm"  # what is imported late may be out of a user's reach
    with LeaderElection(config, warm) as election:
        election.wait_for_leadership()
        ask(warm)
    os.umask(0o077)
    led, leads = os.pipe()
    office = os.fork()
    if office == 0:
        become(*leader.split(":"))
        with LeaderElection(config, f"local://{directory}") as election:
            election.wait_for_leadership()
            os.write(leads, b"led")
            signal.pause()
    os.read(led, 3)
    for asker in askers:
        child = os.fork()
        if child == 0:
            become(*asker.split(":"))
            os._exit(ask(f"local://{directory}"))
        say(asker, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.kill(office, signal.SIGKILL)
    os.waitpid(office, 0)


def as_user(directory: str, group: str, *users: str) -> None:
    """Lead a term as each of those users of that group, one after the other, and say the token of each."""
    warm = elector_in(f"{Path(directory).parent}/warm")  # what is imported late may be out of a user's reach
    campaign(warm)
    warm.close()
    os.umask(0o077)
    for user in users:
        child = os.fork()
        if child == 0:
            become(user, group)
            elector = elector_in(directory)
            claim = campaign(elector)
            say(os.getuid(), claim.token, elector.check_leadership().token, elector.relinquish_leadership())
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)


if __name__ == "__main__":
    {
        "lead": lead,
        "crowd": crowd,
        "hasten": hasten,
        "take-turns": take_turns,
        "fork-in-office": fork_in_office,
        "as-user": as_user,
        "ask-as-users": ask_as_users,
    }[sys.argv[1]](*sys.argv[2:])
