"""What candidates ask of a store: while nothing happens, and when one of hundreds hands over; and what they weigh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from .crew import PeerError
from .figures import Table
from .peers import FLOOR, OURS, environment, incumbent, peers
from .rows import LINE, SHORT, Course, said
from .servers import program

__all__ = ["herd", "idle", "memory", "start", "thousand"]

#: Candidates that wait, each a process; seconds until the requests of the beginning are over, and that are counted.
WAITING, CALM, COUNTED = 10, 5.0, 10.0
#: Candidates that wait for one hand-over; the ttl, with which hardly any renewal comes in between; seconds after a
#: hand-over in which what it causes has come, and that a server may need until it has counted it.
HERDS, STILL, CAUSED = (100, 300), 300.0, 1.0
#: Elections that one process leads.
ELECTIONS = 1000


def idle(course: Course) -> list[Table]:
    """The requests that a leader makes while nothing happens, and those that each of ten makes that wait."""
    title = f"Requests while nothing happens, ttl {SHORT:g} s where it can be set"
    leading = Table("idle", course.store, f"{title}: a leader", "/s")
    waiting = Table("idle", course.store, f"{title}: one that waits", "/s")
    if not course.place.counts:
        return []
    for peer in peers(course.store, course.before):
        course.tell(f"idle {course.store}: {peer.name}")
        leading.values[peer.name], waiting.values[peer.name] = [], []
        time.sleep(course.place.lingers)
        with course.crew(peer, SHORT) as crew:
            try:
                crew.start(1)
                alone = _rate(course)
                crew.start(WAITING)
                leading.add(peer.name, alone)
                waiting.add(peer.name, max(_rate(course) - alone, 0) / WAITING)
            except PeerError as error:
                leading.notes.append(f"{peer.name} is left out: {error}")
    return [leading, waiting]


def _rate(course: Course) -> float:
    """Return the requests a second, when those of the beginning are over."""
    time.sleep(CALM)
    before, began = course.place.requests(), time.monotonic()
    time.sleep(COUNTED)
    return (course.place.requests() - before) / (time.monotonic() - began)


def herd(course: Course) -> list[Table]:
    """A leader hands over while hundreds wait: how long it takes, and the requests that it causes."""
    tables = []
    for waiting in HERDS:
        took = Table("herd", course.store, f"Hand-over while {waiting} wait", "ms")
        asked = Table("herd", course.store, f"Requests for a hand-over while {waiting} wait", "requests")
        tables += [took, asked] if course.place.prompt else [took]
        for peer in peers(course.store, course.before):
            if not (peer.name.startswith(OURS) or peer.name == FLOOR or (waiting == HERDS[0] and "elect" in peer.name)):
                continue  # the others poll, or need a process for each
            course.tell(f"herd {course.store}: {peer.name}, {waiting} wait")
            took.values[peer.name], asked.values[peer.name] = [], []
            with course.crew(peer, STILL) as crew:
                try:
                    crew.start(waiting + 1)
                    _settle(course)
                    for _ in range(course.rounds):
                        before = course.place.requests(renewals=False) if course.place.prompt else 0
                        took.add(peer.name, 1000 * crew.hand_over())
                        time.sleep(CAUSED)
                        if course.place.prompt:
                            asked.add(peer.name, course.place.requests(renewals=False) - before)
                except PeerError as error:
                    took.notes.append(f"{peer.name} is left out: {error}")
    return tables


def _settle(course: Course) -> None:
    """Wait until nobody asks for anything any more: all are in line then."""
    time.sleep(5 * LINE)
    if not course.place.prompt:
        return
    before, after = -1.0, course.place.requests(renewals=False)
    end = time.monotonic() + 60
    while after - before > 3 and time.monotonic() < end:
        time.sleep(LINE)
        before, after = after, course.place.requests(renewals=False)


def memory(course: Course) -> list[Table]:
    """The memory of a process that leads."""
    table = Table("memory", course.store, "Memory of a leader (RSS)", "MB")
    for number in range(course.rounds):
        course.tell(f"memory {course.store}: round {number + 1} of {course.rounds}")
        with ExitStack() as stack:
            crews = course.crews(stack, Table("", "", "", ""), peers(course.store, course.before), SHORT, 1)
            time.sleep(LINE)
            for peer, crew in crews.items():
                table.add(peer.name, crew.memory())
    return [table]


def start(course: Course) -> list[Table]:
    """The processor's time that it takes to import the library, and to look who leads."""
    took = "processor's time"
    imports = Table("start", "any", f"Importing LeaderElection, beyond bare Python: {took}", "ms")
    looks = Table("start", course.store, f"Looking who leads, from the command line: {took}", "ms")
    status = incumbent("status", "--elector", course.place.url, "--name", "bench")
    programs = {"incumbent status": (status, None), "incumbent status before": (status, course.before)}
    address = course.place.address
    if course.store == "etcd":
        programs["etcdctl get"] = (program("etcd", "etcdctl"), "--endpoints", address, "get", "bench"), None
    if course.store == "consul":
        programs["consul kv get"] = (program("consul", "consul"), "kv", "get", f"-http-addr={address}", "-keys"), None
    importing = (sys.executable, "-c", "from incumbent import LeaderElection")
    for number in range(course.rounds):
        course.tell(f"start {course.store}: round {number + 1} of {course.rounds}")
        if not number:  # what is compiled is compiled once
            for command, source in (*programs.values(), (importing, None), (importing, course.before)):
                _processor(command, environment(source))
        for name, (command, source) in programs.items():
            if source or not name.endswith("before"):
                looks.add(name, _processor(command, environment(source)))
        if course.store == "local":  # what is imported is the same on all
            bare = _processor((sys.executable, "-c", ""), environment())
            imports.add(OURS, _processor(importing, environment()) - bare)
            if course.before is not None:
                imports.add(f"{OURS} before", _processor(importing, environment(course.before)) - bare)
    return [imports, looks] if course.store == "local" else [looks]


def _processor(command: Sequence[str], env: dict[str, str]) -> float:
    """Run *command*; return the milliseconds of a processor that it took: others who are busy do not change that."""
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, env=env)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return 1000 * (used.ru_utime + used.ru_stime)


def thousand(course: Course) -> list[Table]:
    """One process leads a thousand elections."""
    ours = [peer for peer in peers(course.store, course.before) if peer.kind == "incumbent"]
    titles = {"seconds": ("until all are led", "s"), "kB": ("memory for each", "kB"), "threads": ("threads", "threads")}
    tables = {
        key: Table("thousand", course.store, f"{ELECTIONS:,} elections in one process: {what}", unit)
        for key, (what, unit) in titles.items()
    }
    for number in range(course.rounds):
        for peer in ours:
            course.tell(f"thousand {course.store}: {peer.name}, {number + 1} of {course.rounds}")
            command = [sys.executable, "-m", "bench.thousand", peer.address(course.place), str(ELECTIONS)]
            measured = {}
            try:
                measured = json.loads(said(peer, command))
            except PeerError as error:
                tables["seconds"].notes.append(f"{peer.name} has failed in round {number + 1}: {error}")
            for key, table in tables.items():
                table.add(peer.name, measured.get(key))
    return [*tables.values()]
