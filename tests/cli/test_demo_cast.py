"""The demo's processes: what is seen of them, and that none is left behind."""

from __future__ import annotations

import sys

import pytest

from incumbent.cli import _demo_cast
from incumbent.cli._demo_cast import Cast, NotObservedError, SignalledError
from incumbent.cli._demo_judge import KILL, Entry

LEADER = Entry(1.0, "ada", "begin", 7)

WRITES = """
import sys, time
sys.stdout.write('a warning\\n{"at": 1.0, "event": "begin", "token": 7}\\n{"at": 2.0, "ev')
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write('ent": "end", "token": 7, "detail": "relinquished"}\\n')
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def cast_of(tmp_path):
    """Make a cast whose candidates run the given code, and check that none survives."""
    casts, told = [], []

    def make(code, signals=()):
        cast = Cast("local://", "demo", tmp_path, told.append, list(signals))
        cast._command = [sys.executable, "-c", code]
        casts.append((cast, []))
        join = cast.join

        def joined():
            player = join()
            casts[-1][1].append(player.process)
            return player

        cast.join = joined
        cast.told = told
        return cast

    yield make
    for cast, processes in casts:
        cast.close()
        assert cast.players == {}
        assert all(process.returncode is not None for process in processes)


def begun(cast):
    return lambda: next((entry for entry in cast.entries if entry.event == "begin"), None)


def test_entries_are_collected_whole_and_remarks_apart(cast_of):
    """A line in two pieces is one entry; what is no entry is kept as a remark."""
    cast = cast_of(WRITES)
    player = cast.join()

    assert cast.until("a beginning", begun(cast)) == LEADER
    act = cast.ask_to_relinquish(LEADER)
    cast.until("an end", lambda: len(cast.entries) == 2 or None)

    assert cast.entries[1] == Entry(2.0, "ada", "end", 7, "relinquished")
    assert cast.told == cast.entries
    assert player.remark == "a warning"
    assert (act.kind, act.candidate, act.token) == ("hand-over", "ada", 7)


def test_a_killed_candidate_is_gone_and_its_last_words_are_kept(cast_of):
    """SIGKILL: the process is reaped, and what it wrote before is read to the end."""
    cast = cast_of(WRITES)
    process = cast.join().process
    cast.until("a beginning", begun(cast))

    act = cast.kill(LEADER)

    assert (act.kind, act.candidate, act.token) == (KILL, "ada", 7)
    assert process.returncode == -9
    assert cast.players == {}


def test_a_candidate_that_leaves_is_reaped(cast_of):
    """The end of stdin asks it to leave."""
    cast = cast_of(WRITES)
    process = cast.join().process

    cast.leave("ada")

    assert process.returncode == 0
    assert cast.players == {}


def test_a_candidate_that_ends_by_itself_is_reported_with_its_last_word(cast_of):
    """A crash is not waited for in vain: it is named, with its code and cause."""
    cast = cast_of("raise SystemExit('no module named sense')")
    cast.join()

    with pytest.raises(NotObservedError, match=r"^ada ended by itself with code 1 \(no module named sense\), during"):
        cast.until("a leader", lambda: None)


def test_a_candidate_that_had_ended_before_the_kill_is_reported(cast_of):
    """What the kill did not kill shows no succession after a kill."""
    cast = cast_of("")
    cast.join().process.wait()

    with pytest.raises(NotObservedError, match="ada ended by itself with code 0, before it could be killed"):
        cast.kill(LEADER)


def test_a_candidate_that_fails_while_leaving_is_reported(cast_of):
    """Leaving is part of what the demo shows."""
    cast = cast_of("import sys; sys.stdin.read(); sys.exit(3)")
    cast.join()

    with pytest.raises(NotObservedError, match="ada ended by itself with code 3"):
        cast.leave("ada")


def test_what_never_happens_is_not_waited_for_for_ever(cast_of, monkeypatch):
    """The patience has an end, and the message says what was awaited."""
    monkeypatch.setattr(_demo_cast, "PATIENCE", 0.2)
    cast = cast_of("import sys, time; time.sleep(60)")
    cast.join()

    with pytest.raises(NotObservedError, match=r"waited 0\.2 s in vain for a leader"):
        cast.until("a leader", lambda: None)
    with pytest.raises(NotObservedError, match=r"ada was asked to leave, and was still there 0\.2 s later"):
        cast.leave("ada")


def test_a_signal_ends_the_wait(cast_of):
    """Handlers only note it; the next look raises."""
    cast = cast_of(WRITES, signals=[15])
    cast.join()

    with pytest.raises(SignalledError):
        cast.until("a leader", lambda: None)
