"""`incumbent demo`, run as people run it: what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import sysconfig
import time
from itertools import pairwise
from pathlib import Path

import pytest

from incumbent.cli import demo, main
from incumbent.cli._demo_cast import NotObservedError
from incumbent.cli._demo_judge import KILL, Act, Entry

SCRIPT = Path(sysconfig.get_path("scripts")) / "incumbent"
#: The demo gives up by itself long before.
DEADLINE = 60.0
#: Makes stdout the controlling terminal of a new session, which Ctrl-C needs, and goes on with the command.
TAKE_TERMINAL = [
    sys.executable,
    "-c",
    "import os, sys; os.close(os.open(os.ttyname(1), os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])",
]


@pytest.fixture
def environment(tmp_path):
    """Let the demo use a temporary directory of its own, so that what it leaves there can be seen."""
    return {**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm", "NO_COLOR": ""}


@pytest.fixture
def started(environment):
    """Start the demo, writing to a pipe or a terminal; end it if the test did not."""
    running = []

    def start(*, terminal=False, **extra):
        reader, writer = pty.openpty() if terminal else os.pipe()
        process = subprocess.Popen(
            [*(TAKE_TERMINAL if terminal else []), SCRIPT, "demo"],
            stdin=writer if terminal else subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.STDOUT,
            env={**environment, **extra},
            start_new_session=True,
        )
        os.close(writer)
        running.append((process, reader))
        return process, reader

    yield start
    for process, reader in running:
        process.kill()
        process.wait()
        os.close(reader)


def read_until(reader, word=None):
    """Read what the demo prints until *word* is in it, or to the end."""
    deadline = time.monotonic() + DEADLINE
    text = b""
    while word is None or word not in text.decode(errors="replace"):
        assert select.select([reader], [], [], max(0, deadline - time.monotonic()))[0], text
        try:
            data = os.read(reader, 65536)
        except OSError:  # how a terminal says that its other side is closed
            data = b""
        if not data:
            assert word is None, text
            break
        text += data
    return text.decode()


def candidates_in(text):
    """Return the process ids of all candidates that joined."""
    return [int(number) for number in re.findall(r"joins as process (\d+)", text)]


def is_candidate(pid):
    try:
        return b"_demo_candidate" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_piped_demo_shows_what_it_claims_in_plain_lines(environment, tmp_path):
    """Four kills and a hand-over, each succeeded by another with a greater token, and nothing is left behind."""
    done = subprocess.run(
        [SCRIPT, "demo"], env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "\x1b" not in done.stdout
    leaders = re.findall(r"s  (\w+) +token (\d+) +leads", done.stdout)
    tokens = [int(token) for _, token in leaders]
    assert tokens == sorted(set(tokens))
    assert all(before != after for (before, _), (after, _) in pairwise(leaders))
    killed = re.findall(r"s  (\w+) +token (\d+) +killed with SIGKILL", done.stdout)
    asked = re.findall(r"s  (\w+) +token (\d+) +asked to hand over", done.stdout)
    assert (len(killed), len(asked), len(leaders)) == (4, 1, 6)
    assert set(killed + asked) < set(leaders)
    for candidate, token in leaders:
        assert re.search(rf"s  {candidate} +token {token} +work 6", done.stdout)
    assert "terms             6, ended by 4 kills and 1 hand-over\n" in done.stdout
    assert f"tokens            {' '.join(map(str, tokens))}\n" in done.stdout
    assert re.search(r"after a kill      median \d+ ms, max \d+ ms\n", done.stdout)
    assert re.search(r"after a request   \d+ ms\n", done.stdout)
    assert re.search(r"overlaps          0 in \d{2,} pieces of work\n", done.stdout)
    assert "As promised" in done.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
    assert len(candidates_in(done.stdout)) == 7
    assert not any(map(is_candidate, candidates_in(done.stdout)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_demo_and_all_that_belongs_to_it(started, tmp_path, number):
    """The code says which signal; no process and no file stays."""
    process, reader = started()
    text = read_until(reader, "work 2")

    process.send_signal(number)
    text += read_until(reader)

    assert process.wait(DEADLINE) == 128 + number
    assert "Traceback" not in text
    assert len(candidates_in(text)) == 3
    assert not any(map(is_candidate, candidates_in(text)))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_on_a_terminal_ends_the_coloured_demo(started, tmp_path):
    """A terminal gets colours, and its Ctrl-C reaches the demo, which ends its candidates."""
    process, reader = started(terminal=True)
    text = read_until(reader, "work 2")

    os.write(reader, b"\x03")
    text += read_until(reader)

    assert process.wait(DEADLINE) == 130
    assert "\x1b[1;32mleads\x1b[0m" in text
    assert "Traceback" not in text
    assert not any(map(is_candidate, candidates_in(text)))
    assert list(tmp_path.iterdir()) == []


def test_no_color_is_heeded_on_a_terminal(started):
    """NO_COLOR: plain lines there too."""
    process, reader = started(terminal=True, NO_COLOR="1")
    text = read_until(reader, "leads")

    process.send_signal(signal.SIGTERM)
    text += read_until(reader)

    assert "\x1b" not in text


def test_the_candidates_of_a_killed_demo_end_by_themselves(started):
    """Even SIGKILL to the demo leaves no process behind: the end of their stdin tells them."""
    process, reader = started()
    pids = candidates_in(read_until(reader, "work 2"))

    process.kill()

    deadline = time.monotonic() + DEADLINE
    while any(map(is_candidate, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(pids) == 3


def test_a_reader_that_has_gone_ends_the_demo(environment, tmp_path):
    """`incumbent demo | head -3` leaves nothing behind either."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [SCRIPT, "demo"], stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=DEADLINE, check=False
        )
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (141, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_observes_an_overlap_says_so_and_fails(monkeypatch, capsys):
    """The code is 0 only if what it claims was observed: here a killed leader goes on."""

    def play(cast, _stage, acts):
        acts.append(Act(2.0, KILL, "ada", 1))
        for at, candidate, event, token in [
            (1.0, "ada", "begin", 1),
            (1.0, "ada", "work", 1),
            (2.1, "ben", "begin", 2),
            (2.1, "ben", "work", 2),
            (2.2, "ada", "work", 1),
        ]:
            cast.entries.append(Entry(at, candidate, event, token))

    monkeypatch.setattr(demo, "_play", play)
    monkeypatch.setattr(demo, "PLAN", [KILL])

    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "overlaps          1 in 3 pieces of work" in out
    assert "not as promised: overlap: ada led with token 1 100.0 ms after ben began token 2" in out
    assert "As promised" not in out


def test_a_demo_that_breaks_off_says_why_and_fails(monkeypatch, capsys):
    """What could not be observed is named, before what follows from it."""

    def play(_cast, _stage, _acts):
        raise NotObservedError("ada ended by itself with code 1 (ImportError: \x1b[31m)")

    monkeypatch.setattr(demo, "_play", play)

    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "not as promised: ada ended by itself with code 1 (ImportError: \\x1b[31m)\n" in out
    assert "not as promised: nobody was elected\n" in out
    assert "As promised" not in out


def test_the_handlers_of_the_caller_are_put_back(monkeypatch):
    """Running the demo as a function leaves the process's signals as they were."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    monkeypatch.setattr(demo, "_play", lambda *_: None)

    assert main(["demo"]) == 1

    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
